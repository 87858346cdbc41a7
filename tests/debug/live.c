/* Counts the live objects of extension types by the two slots that every one of them is made and unmade with. The units
 * know nothing of it: `watch` puts our functions into their types' slots, `counts` tells what has not been freed. Also
 * LeakSanitizer's search of the heap, at a time when the interpreter still holds what is its own. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <sanitizer/lsan_interface.h>

#define MOST 64

struct watched {
    PyTypeObject *type;
    allocfunc alloc;
    freefunc free;
    Py_ssize_t live;
};

static struct watched table[MOST];
static int used;

static struct watched *find(PyTypeObject *type)
{
    for (int i = 0; i < used; i++)
        if (table[i].type == type)
            return &table[i];
    Py_FatalError("an extension type was made ready after its base was watched");
}

static PyObject *counting_alloc(PyTypeObject *type, Py_ssize_t items)
{
    struct watched *w = find(type);
    PyObject *made = w->alloc(type, items);
    w->live += made != NULL;
    return made;
}

static void counting_free(void *object)
{
    struct watched *w = find(Py_TYPE((PyObject *)object));
    w->live--;
    w->free(object);
}

static PyObject *watch(PyObject *module, PyObject *argument)
{
    PyTypeObject *type = (PyTypeObject *)argument;
    (void)module;
    if (!PyType_Check(argument) || type->tp_flags & Py_TPFLAGS_HEAPTYPE || used == MOST) {
        PyErr_SetString(PyExc_ValueError, "not an extension type, or one too many");
        return NULL;
    }
    table[used++] = (struct watched){type, type->tp_alloc, type->tp_free, 0};
    type->tp_alloc = counting_alloc;
    type->tp_free = counting_free;
    Py_RETURN_NONE;
}

static PyObject *counts(PyObject *module, PyObject *nothing)
{
    PyObject *found = PyDict_New();
    (void)module, (void)nothing;
    for (int i = 0; found != NULL && i < used; i++) {
        PyObject *number = PyLong_FromSsize_t(table[i].live);
        if (number == NULL || PyDict_SetItemString(found, table[i].type->tp_name, number) < 0)
            Py_CLEAR(found);
        Py_XDECREF(number);
    }
    return found;
}

/* The frames of running Python code lie in memory that the interpreter maps by itself: what they hold is no leak, what
 * stands behind the last of them is stale. */
static void frames(void (*each)(const void *, size_t))
{
    PyThreadState *state = PyThreadState_Get();
    char *end = (char *)state->datastack_top;
    for (_PyStackChunk *chunk = state->datastack_chunk; chunk != NULL; chunk = chunk->previous) {
        each(chunk, end - (char *)chunk);
        if (chunk->previous != NULL)
            end = (char *)&chunk->previous->data[chunk->previous->top];
    }
}

static PyObject *leaks(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    frames(__lsan_register_root_region);
    int found = __lsan_do_recoverable_leak_check();
    frames(__lsan_unregister_root_region);
    return PyBool_FromLong(found);
}

static PyMethodDef methods[] = {
    {"watch", watch, METH_O, "Count this extension type's objects from now on."},
    {"counts", counts, METH_NOARGS, "Name of each watched type -> its live objects."},
    {"leaks", leaks, METH_NOARGS, "Is there memory that nothing points to? LeakSanitizer reports it."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "live", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit_live(void)
{
    return PyModule_Create(&definition);
}
