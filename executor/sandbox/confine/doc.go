// Package confine takes rights away from the process that it runs in, one
// mechanism after the other, until nothing is left but to compute and to write
// to pipes that are already open.
//
// It is what the small init program of package sandbox is made of and is called
// by nothing else: [Apply] cannot be undone. The order matters and is given
// there. Mounting needs the rights that dropping capabilities takes; landlock
// and seccomp need no_new_privs; the system-call filter comes last because it
// forbids everything before it.
//
// Only [ChildFilter] runs in the trainer: it assembles the second filter, which
// the worker installs in each child it forks.
package confine
