package sandbox

import _ "embed"

//go:embed init_linux_arm64
var initImage []byte
