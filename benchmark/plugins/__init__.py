"""What a plug-in is: the contracts, the registries that find it, the weights it loads."""
