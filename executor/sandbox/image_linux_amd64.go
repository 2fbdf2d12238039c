package sandbox

import _ "embed"

//go:embed init_linux_amd64
var initImage []byte
