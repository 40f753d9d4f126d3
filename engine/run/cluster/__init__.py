"""Running cells on many machines, none of whose disks is shared; Ray (https://docs.ray.io) places what they do."""
