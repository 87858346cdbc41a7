/* The only way an interpreter starts on a node: it runs `daemons.spawner` and can run nothing else. No argument and no
 * variable is read. Where the code lies is fixed when this is built; a development build names a checkout instead. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdio.h>
#include <stdlib.h>

#include "seal.h"

#define TEXT_(value) #value
#define TEXT(value) TEXT_(value)
#define VERSION TEXT(PY_MAJOR_VERSION) "." TEXT(PY_MINOR_VERSION)

#ifndef ICHOR_PREFIX
#define ICHOR_PREFIX "/usr"
#endif
#ifndef ICHOR_PATHS /* what sys.path is, in order */
#define STDLIB ICHOR_PREFIX "/lib/python" VERSION
#define ICHOR_PATHS ICHOR_PREFIX "/lib/ichor", STDLIB, STDLIB "/lib-dynload", STDLIB "/site-packages"
#endif

static const char *const paths[] = {ICHOR_PATHS};

static _Noreturn void give_up(PyStatus status)
{
    fprintf(stderr, "ichor: launch: %s\n", status.err_msg ? status.err_msg : "the interpreter cannot start");
    exit(1);
}

static void must(PyStatus status)
{
    if (PyStatus_Exception(status))
        give_up(status);
}

static void set(PyConfig *config, wchar_t **field, const char *value)
{
    must(PyConfig_SetBytesString(config, field, value));
}

/* All that getpath would look for on disk is given, so it looks nowhere. */
static void configure(PyConfig *config)
{
    PyConfig_InitIsolatedConfig(config);
    config->parse_argv = 0;
    config->site_import = 0;
    config->write_bytecode = 0;
    config->pathconfig_warnings = 0;
    config->module_search_paths_set = 1;
    set(config, &config->program_name, "ichor");
    set(config, &config->executable, "");
    set(config, &config->base_executable, "");
    set(config, &config->prefix, ICHOR_PREFIX);
    set(config, &config->base_prefix, ICHOR_PREFIX);
    set(config, &config->exec_prefix, ICHOR_PREFIX);
    set(config, &config->base_exec_prefix, ICHOR_PREFIX);
    for (size_t index = 0; index < sizeof(paths) / sizeof(*paths); index++) {
        wchar_t *path = Py_DecodeLocale(paths[index], NULL);
        if (!path)
            give_up(PyStatus_NoMemory());
        must(PyWideStringList_Append(&config->module_search_paths, path));
        PyMem_RawFree(path);
    }
}

/* `daemons.spawner.main(_ichor_seal)`; its integer is the exit status. */
static int run(void)
{
    PyObject *spawner = PyImport_ImportModule("daemons.spawner");
    PyObject *seal = spawner ? PyImport_ImportModule("_ichor_seal") : NULL;
    PyObject *result = seal ? PyObject_CallMethod(spawner, "main", "O", seal) : NULL;

    if (!result) {
        PyErr_Print(); /* SystemExit ends the process here, with its status */
        return 1;
    }
    return result == Py_None ? 0 : (int)PyLong_AsLong(result);
}

int main(int argc, char **argv)
{
    PyPreConfig before;
    PyConfig config;

    if (argc < 1 || seal_prepare(argc, argv) < 0)
        return 1;
    /* the image has no legacy provider of OpenSSL, which cryptography otherwise insists on when it is imported */
    if (setenv("CRYPTOGRAPHY_OPENSSL_NO_LEGACY", "1", 1) < 0)
        return 1;
    /* what libuv does through a ring of the kernel's passes by seccomp, and each ring has a thread that polls */
    if (setenv("UV_USE_IO_URING", "0", 1) < 0)
        return 1;
    PyPreConfig_InitIsolatedConfig(&before);
    before.utf8_mode = 1;
    must(Py_PreInitialize(&before));
    configure(&config);
    must(Py_InitializeFromConfig(&config));
    PyConfig_Clear(&config);
    PyGC_Disable(); /* imports make many objects and hardly any garbage; who has imported all turns it on */
    int status = run();
    return Py_FinalizeEx() < 0 ? 1 : status;
}
