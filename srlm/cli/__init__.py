"""The command line: `srlm train | status | doctor | explain | settings`."""
