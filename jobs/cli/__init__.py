"""The command line: a folder for each panel of its help, in it a module for each command, of the command's name."""
