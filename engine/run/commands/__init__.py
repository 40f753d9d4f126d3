"""The subcommands that are not of sweeps: options and help, and whom they call."""
