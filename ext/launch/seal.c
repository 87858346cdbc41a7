/* What a sealed interpreter may no longer do. The hook is C and was there before the first line of Python, so Python can
 * neither remove nor replace it. It is hardening, not a sandbox: the boundary is seccomp (docs/architecture.md). */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "immortal.h"
#include "seal.h"
#include "trim.h"

/* Audit events refused once sealed (docs.python.org, "Audit events table"). A name that ends in a dot is a prefix. */
static const char *const refused[] = {
    "import", /* raised only for what is not loaded yet */
    "compile",
    "exec",
    "code.__new__",
    "function.__new__",
    "marshal.load",
    "marshal.loads",
    "pickle.find_class",
    "builtins.breakpoint",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.startfile",
    "pty.spawn",
    "subprocess.Popen",
    "sys.settrace",
    "sys.setprofile",
    "sys.monitoring.register_callback",
    "cpython.",
    "ctypes.",
};

static bool sealed;
static char *title;
static size_t title_room;

static bool is_refused(const char *event)
{
    for (size_t index = 0; index < sizeof(refused) / sizeof(*refused); index++) {
        if (*refused[index] != *event)
            continue; /* nearly all of them, without a call */
        size_t length = strlen(refused[index]);
        bool prefix = refused[index][length - 1] == '.';
        if (prefix ? strncmp(event, refused[index], length) == 0 : strcmp(event, refused[index]) == 0)
            return true;
    }
    return false;
}

static int hook(const char *event, PyObject *arguments, void *data)
{
    (void)arguments;
    (void)data;
    if (!sealed || !is_refused(event))
        return 0;
    /* an import that fails as imports do lets optional ones take their other way */
    PyObject *kind = strcmp(event, "import") == 0 ? PyExc_ImportError : PyExc_PermissionError;
    PyErr_Format(kind, "sealed: %s refused", event);
    return -1;
}

static PyObject *seal(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    sealed = true;
    Py_RETURN_NONE;
}

static PyObject *is_sealed(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyBool_FromLong(sealed);
}

static PyObject *rename_process(PyObject *module, PyObject *argument)
{
    Py_ssize_t length;
    const char *name = PyUnicode_AsUTF8AndSize(argument, &length);

    (void)module;
    if (!name)
        return NULL;
    if (prctl(PR_SET_NAME, name, 0, 0, 0) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    size_t shown = (size_t)length < title_room ? (size_t)length : title_room;
    memset(title, 0, title_room + 1);
    memcpy(title, name, shown);
    Py_RETURN_NONE;
}

static PyObject *again(PyObject *module, PyObject *unused)
{
    static char *const arguments[] = {"ichor-spawner", NULL};
    static char *const environment[] = {"PATH=/usr/sbin:/usr/bin", NULL};

    (void)module;
    (void)unused;
    execve("/proc/self/exe", arguments, environment); /* this very program: nothing of it is up to the caller */
    return PyErr_SetFromErrno(PyExc_OSError);
}

static PyObject *trim_memory(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    trim();
    Py_RETURN_NONE;
}

static PyObject *immortalize_all(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    immortalize();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"seal", seal, METH_NOARGS, "Refuse from now on whatever brings code in; for this process and all it forks."},
    {"sealed", is_sealed, METH_NOARGS, "Whether seal() was called."},
    {"rename", rename_process, METH_O, "Show this process under another name in comm and cmdline."},
    {"again", again, METH_NOARGS, "Start this program anew in this process, with fresh memory. Returns only to fail."},
    {"trim", trim_memory, METH_NOARGS, "Give back the memory that importing took and nothing needs any more."},
    {"immortalize", immortalize_all, METH_NOARGS, "Count no references any more to what exists by now: it stays."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_ichor_seal",
    .m_doc = "The launcher's side of a sealed interpreter.",
    .m_size = -1,
    .m_methods = methods,
};

static PyObject *create(void)
{
    return PyModule_Create(&definition);
}

int seal_prepare(int argc, char **argv)
{
    title = argv[0];
    /* the arguments lie one behind the other; the environment behind them is not ours to overwrite */
    title_room = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
    if (PySys_AddAuditHook(hook, NULL) < 0)
        return -1;
    return PyImport_AppendInittab("_ichor_seal", create);
}
