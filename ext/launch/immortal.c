/* Who only looks at an object writes to it: its count of references goes up and down, and in a forked child the first look
 * copies a page. What exists before the first fork lives as long as the node does, so its count is set to the one value that
 * the interpreter never changes (PEP 683), and children share what they only read. What that costs: such an object is not
 * freed when another takes its place. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "immortal.h"

#if PY_VERSION_HEX >= 0x030C0000

static void keep(PyObject *object);

static int reach(PyObject *object, void *unused)
{
    (void)unused;
    if (object && !PyObject_GC_IsTracked(object) && Py_REFCNT(object) != Py_REFCNT(Py_None))
        keep(object);
    return 0;
}

/* A code object shows the collector nothing, and most strings there are hang on one. */
static void reach_code(PyCodeObject *code)
{
    PyObject *const held[] = {
        code->co_consts,   code->co_names, code->co_exceptiontable, code->co_localsplusnames, code->co_localspluskinds,
        code->co_filename, code->co_name,  code->co_qualname,       code->co_linetable,
    };

    for (size_t index = 0; index < sizeof(held) / sizeof(*held); index++)
        reach(held[index], NULL);
}

/* Keys that are all strings are not shown either. */
static void reach_keys(PyObject *dict)
{
    PyObject *key;
    Py_ssize_t position = 0;

    while (PyDict_Next(dict, &position, &key, NULL))
        reach(key, NULL);
}

/* This object and what hangs on it that the collector does not track: strings, numbers, code, tuples of such. It is never
 * deep, for every object that could be part of a cycle is tracked, and has its own turn. */
static void keep(PyObject *object)
{
    Py_SET_REFCNT(object, Py_REFCNT(Py_None));
    if (PyCode_Check(object))
        reach_code((PyCodeObject *)object);
    else if (PyObject_IS_GC(object))
        Py_TYPE(object)->tp_traverse(object, reach, NULL);
    if (PyDict_Check(object))
        reach_keys(object);
}

static int keep_tracked(PyObject *object, void *unused)
{
    (void)unused;
    keep(object);
    return 1; /* go on */
}

void immortalize(void)
{
    PyUnstable_GC_VisitObjects(keep_tracked, NULL);
}

#else

void immortalize(void)
{
}

#endif
