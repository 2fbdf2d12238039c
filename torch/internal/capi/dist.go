package capi

// #include <stdlib.h>
// #include "azr_torch.h"
import "C"

import "unsafe"

// Membership is az_membership.
type Membership struct {
	Host, Interface, Prefix string
	Port, Rank, Size        int32
	Listener                int32
	TimeoutMS               int64
}

// Reductions.
const (
	ReduceSum = C.AZ_SUM
	ReduceMax = C.AZ_MAX
)

// Group is a rank's part in a process group.
type Group struct{ p *C.az_group }

// Work is a collective under way.
type Work struct{ p *C.az_work }

// GroupOpen is az_group_open.
func GroupOpen(m Membership) (g Group, err *Error) {
	c := C.az_membership{
		host: C.CString(m.Host), _interface: C.CString(m.Interface), prefix: C.CString(m.Prefix),
		port: C.int32_t(m.Port), rank: C.int32_t(m.Rank), size: C.int32_t(m.Size), listener: C.int32_t(m.Listener), timeout_ms: C.int64_t(m.TimeoutMS),
	}
	defer C.free(unsafe.Pointer(c.host))
	defer C.free(unsafe.Pointer(c._interface))
	defer C.free(unsafe.Pointer(c.prefix))
	err = failure(C.az_group_open(&c, &g.p))
	return g, err
}

// Connect is az_group_connect.
func (g Group) Connect(device int32) *Error {
	return failure(C.az_group_connect(g.p, C.az_device(device)))
}

// Close is az_group_close.
func (g Group) Close() { C.az_group_close(g.p) }

// AllReduce is az_all_reduce.
func (g Group) AllReduce(t Handle, reduction int32) (w Work, err *Error) {
	err = failure(C.az_all_reduce(g.p, t.p, C.int32_t(reduction), &w.p))
	return w, err
}

// Broadcast is az_broadcast.
func (g Group) Broadcast(t Handle, root int32) (w Work, err *Error) {
	err = failure(C.az_broadcast(g.p, t.p, C.int32_t(root), &w.p))
	return w, err
}

// AllGather is az_all_gather.
func (g Group) AllGather(into, own Handle) (w Work, err *Error) {
	err = failure(C.az_all_gather(g.p, into.p, own.p, &w.p))
	return w, err
}

// Reduce is az_reduce_to.
func (g Group) Reduce(t Handle, root int32) (w Work, err *Error) {
	err = failure(C.az_reduce_to(g.p, t.p, C.int32_t(root), &w.p))
	return w, err
}

// Wait is az_work_wait.
func (w Work) Wait() *Error { return failure(C.az_work_wait(w.p)) }

// StoreSet is az_store_set.
func (g Group) StoreSet(key string, data []byte) *Error {
	k := C.CString(key)
	defer C.free(unsafe.Pointer(k))
	return failure(C.az_store_set(g.p, k, unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data))))
}

// StoreGet is az_store_get.
func (g Group) StoreGet(key string) ([]byte, *Error) {
	k := C.CString(key)
	defer C.free(unsafe.Pointer(k))
	var data unsafe.Pointer
	var n C.size_t
	if err := failure(C.az_store_get(g.p, k, &data, &n)); err != nil {
		return nil, err
	}
	defer C.free(data)
	return C.GoBytes(data, C.int(n)), nil
}
