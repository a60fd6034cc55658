package main

// The stores and keepers that need nothing but this machine.
import (
	_ "gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/memblob"
	_ "gocloud.dev/secrets/localsecrets"
)
