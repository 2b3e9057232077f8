#!/usr/bin/env bash
# What `srun` starts on every node of a training: launch.command is [srun, --overlap, configs/slurm/node.sh].
# HEAD names the first node; GPUS is the number of GPUs of a node (8).
set -euo pipefail
exec accelerate launch --config_file configs/accelerate/fsdp.yaml \
  --num_machines "$SLURM_NNODES" --num_processes "$((SLURM_NNODES * ${GPUS:-8}))" \
  --machine_rank "$SLURM_NODEID" --main_process_ip "$HEAD" --main_process_port "${PORT:-29500}" "$@"
