"""Training, all of it by TRL's trainers: supervised fine-tuning, DPO, and M0 from scratch."""
