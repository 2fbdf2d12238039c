package capi

// #include "azr_torch.h"
import "C"

// Graph is a recorded run of ops.
type Graph struct{ p *C.az_graph }

// GraphBegin is az_graph_begin.
func GraphBegin(device int32) (g Graph, err *Error) {
	err = failure(C.az_graph_begin(C.az_device(device), &g.p))
	return g, err
}

// End is az_graph_end.
func (g Graph) End() *Error { return failure(C.az_graph_end(g.p)) }

// Replay is az_graph_replay.
func (g Graph) Replay() *Error { return failure(C.az_graph_replay(g.p)) }

// Free is az_graph_free.
func (g Graph) Free() { C.az_graph_free(g.p) }
