#!/usr/bin/env bash
# A run as a Slurm job, from the checkout: sbatch configs/slurm/train.sh mine.yaml [--set KEY=VALUE ...]
# GPUs: the lines as they are, and launch.command: [srun, --overlap, configs/slurm/node.sh] in the run file.
# CPUs: sbatch --gpus-per-node=0 --export=ALL,GPUS=0 configs/slurm/train.sh mine.yaml, the same launch.command.
# A run with engine.kind: ray needs --export=ALL,RAY=yes and engine.ray.address: auto.
#SBATCH --job-name=srlm
#SBATCH --output=srlm-%j.txt
#SBATCH --open-mode=append
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --requeue
# Two minutes before the time limit this script is told; it ends the training and queues the job again, which resumes.
#SBATCH --signal=B:USR1@120
set -uo pipefail
mapfile -t hosts < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
export HEAD=${hosts[0]}
# srun does not take this from the job by itself.
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}

if [ -n "${RAY:-}" ]; then
  srun --overlap --nodes=1 --ntasks=1 -w "$HEAD" ray start --head --port=6379 --block &
  if [ "$SLURM_NNODES" -gt 1 ]; then
    srun --overlap --nodes="$((SLURM_NNODES - 1))" --ntasks="$((SLURM_NNODES - 1))" --exclude="$HEAD" \
      ray start --address="$HEAD:6379" --block &
  fi
fi

# In the background: bash runs a trap only when what it waits for can be interrupted.
srlm train --run "$@" &
training=$!
again=
trap 'kill -TERM "$training"' TERM
trap 'again=yes; kill -TERM "$training"' USR1
status=0
while kill -0 "$training" 2>/dev/null; do
  wait "$training"
  status=$?
done
if [ -n "$again" ] && [ "$status" != 0 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
