/* In the place of ext/launch/seal.c: the same module without an audit hook, so that all else of two programs is alike. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "seal.h"

static PyObject *seal(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"seal", seal, METH_NOARGS, "Nothing."}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_ichor_seal", .m_size = -1, .m_methods = methods};

static PyObject *create(void)
{
    return PyModule_Create(&definition);
}

int seal_prepare(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return PyImport_AppendInittab("_ichor_seal", create);
}
