/* The audit hook and the built-in module `_ichor_seal`. */
#ifndef ICHOR_SEAL_H
#define ICHOR_SEAL_H

/* Before Py_Initialize: add the hook, offer the module. `argv` is main's own, whose bytes ps(1) shows. 0 or -1. */
int seal_prepare(int argc, char **argv);

#endif
