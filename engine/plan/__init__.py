"""From sweeps to cells, teachers first; and the settings that meet a budget."""
