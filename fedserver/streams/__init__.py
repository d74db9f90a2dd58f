"""What happens, told at once to the apps that have a stream open: which streams there are, who hears what."""
