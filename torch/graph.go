package torch

import "github.com/azr-train/azr/torch/internal/capi"

// Graph is a run of ops on a CUDA device that was recorded and is launched in one call.
type Graph struct{ h capi.Graph }

// Records tells whether a device's ops can be recorded: a CUDA device's, with the plugin.
func Records(device Device) bool { return device != CPU && capi.CUDADescribe().Plugin }

// Record records the ops of f, which do not run. They read and write the storage that they saw: what goes in and comes out
// are Vars. f may not look at values, nor make tensors of the host's. The CPU records nothing: there it panics.
func Record(device Device, f func()) *Graph {
	h, err := capi.GraphBegin(device.Index())
	check("Record", err)
	recorded := false
	defer func() {
		if !recorded { // f panicked: what was recorded so far is dropped
			_ = h.End()
			h.Free()
		}
	}()
	f()
	recorded = true
	if err := h.End(); err != nil {
		h.Free()
		check("Record", err)
	}
	return &Graph{h}
}

// Replay runs what was recorded.
func (g *Graph) Replay() { check("Replay", g.h.Replay()) }

// Free drops the recording. Freeing nil does nothing.
func (g *Graph) Free() {
	if g != nil {
		g.h.Free()
	}
}
