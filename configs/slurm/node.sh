#!/usr/bin/env bash
# What `srun` starts on every node of a training: launch.command is [srun, --overlap, configs/slurm/node.sh].
# HEAD names the first node; GPUS is the number of GPUs of a node (8). GPUS=0: CPUs, PROCESSES (1) on each node.
set -euo pipefail
if [ "${GPUS:-8}" = 0 ]; then
  exec torchrun --nnodes "$SLURM_NNODES" --node-rank "$SLURM_NODEID" --nproc-per-node "${PROCESSES:-1}" \
    --master-addr "$HEAD" --master-port "${PORT:-29500}" "$@"
fi
exec accelerate launch --config_file configs/accelerate/fsdp.yaml \
  --num_machines "$SLURM_NNODES" --num_processes "$((SLURM_NNODES * ${GPUS:-8}))" \
  --machine_rank "$SLURM_NODEID" --main_process_ip "$HEAD" --main_process_port "${PORT:-29500}" "$@"
