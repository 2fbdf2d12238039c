package executor

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"sync"

	"github.com/azr-train/azr/executor/sandbox"
)

//go:embed worker/*.py
var workerFiles embed.FS

// workerParts is the order in which the files make one program: each uses the ones before it.
var workerParts = []string{"canonical", "dataflow", "gate", "state", "child", "script", "zygote"}

// workerScript returns the worker's source.
var workerScript = sync.OnceValue(func() string {
	var script bytes.Buffer
	for _, part := range workerParts {
		source, err := workerFiles.ReadFile("worker/" + part + ".py")
		if err != nil {
			panic(err) // embedded: the build has it or fails
		}
		script.Write(source)
		script.WriteByte('\n')
	}
	script.WriteString("main()\n")
	return script.String()
})

// workerHash names the worker's source in journal keys: another gate or
// another canonical text gives other results.
var workerHash = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(workerScript()))
	return hex.EncodeToString(sum[:8])
})

// workerSettings returns the worker's argument.
func (c Config) workerSettings(level Level) string {
	filter := ""
	if level >= Minimal {
		filter = hex.EncodeToString(sandbox.ChildFilter())
	}
	settings, err := json.Marshal(map[string]any{
		"memory_bytes": int64(c.Memory), "value_bytes": int64(c.ValueBytes), "filter": filter, "share_any": c.shareAny,
	})
	if err != nil {
		panic(err) // numbers and a string always marshal
	}
	return string(settings)
}
