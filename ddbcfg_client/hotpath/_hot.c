/* The hot path of a read, in C.  The reference is ddbcfg_client/hotpath/hot.py.
 *
 * A Hot watches one 64-bit word in shared memory.  While the word equals the loaded generation,
 * options that were already decoded are served here.  In all other cases the subclass is called.
 *
 * The publisher announces a generation with one aligned store after all of it is written.  The load
 * here is an acquire: on a processor that reorders loads (ARM), nothing that is read after it can
 * be older.
 *
 * All state is in the objects and the module, so subinterpreters are independent of each other,
 * with or without their own GIL.  What a Hot remembers has two forms: with the GIL (_recent.h), and
 * for the builds of Python without one (_unlocked.h).  The limited API cannot look up an attribute in
 * the class only (see hot_getattro), and needs a function call for each of the macros used here.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>

#include "_view.h"

#define GENERATION_WORD 2 /* as in ddbcfg_client/format/page.py */
#define TYPED 16          /* a power of 2 */

static const uint64_t NO_WORD = 0;
static const uint64_t NO_GENERATION = UINT64_MAX;

/* An option, what it is converted to, and the object; or NULL three times.  With ``keep_valid`` an
 * option that does not fit has an object, too. */
typedef struct {
    PyObject *option;
    PyObject *target;
    PyObject *made;
    int keep_valid;
} Typed;

typedef struct State {
    PyTypeObject *hot;
    PyObject *as_name;    /* "as_", interned, as in compiled Python code */
    PyObject *keep_name;  /* "keep_valid" */
    PyObject *get_name;   /* "get" */
    PyObject *get_method; /* what the class Hot has by that name */
#ifndef Py_GIL_DISABLED
    PyTypeObject *bound_get;
    struct BoundGet *reused; /* in use, or without a reference and waiting to be */
#endif
} State;

static PyModuleDef module_def;

static PyObject *hot_get(PyObject *op, PyObject *const *args, Py_ssize_t count, PyObject *names);
static PyObject *hot_get_slowly(PyObject *op, PyObject *const *args, Py_ssize_t count,
                                PyObject *names);

#ifdef Py_GIL_DISABLED
#include "_unlocked.h"
#else
#include "_recent.h"

#include "_bound_get.h"
#endif

/* Seconds as nanoseconds: integers compare faster.  A time that is no number is never reached. */
static int64_t
in_nanoseconds(double seconds)
{
    if (seconds >= 9e9)
        return INT64_MAX;
    return seconds > 0 ? (int64_t)(seconds * 1e9) : 0;
}

static PyObject *
hot_subscript(PyObject *op, PyObject *option)
{
    PyObject *keys = hot_result((Hot *)op, option);
    if (keys != NULL)
        return keys;
    return PyObject_CallMethod(op, "_lookup", "(O)", option);
}

/* self._get() with the same arguments. */
static PyObject *
hot_get_slowly(PyObject *op, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *get = PyObject_GetAttrString(op, "_get");
    if (get == NULL)
        return NULL;
    PyObject *result = PyObject_Vectorcall(get, args, (size_t)count, names);
    Py_DECREF(get);
    return result;
}

/* If the call is get(option, as_=target), perhaps with keep_valid=True or False, set the arguments
 * and return 1.  Else return 0. */
static int
is_typed(const State *state, PyObject *const *args, Py_ssize_t count, PyObject *names, Typed *wanted)
{
    if (count != 1 || names == NULL || !PyUnicode_CheckExact(args[0]))
        return 0;
    *wanted = (Typed){.option = args[0]};
    Py_ssize_t keywords = PyTuple_GET_SIZE(names);
    if (keywords > 2)
        return 0;
    for (Py_ssize_t i = 0; i < keywords; i++) {
        PyObject *value = args[1 + i];
        if (PyTuple_GET_ITEM(names, i) == state->as_name)
            wanted->target = value;
        else if (PyTuple_GET_ITEM(names, i) == state->keep_name && PyBool_Check(value))
            wanted->keep_valid = value == Py_True;
        else
            return 0;
    }
    return wanted->target != NULL && wanted->target != Py_None;
}

static PyObject *
hot_get(PyObject *op, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    if (names != NULL) {
        const State *state = ((Hot *)op)->state;
        /* The usual form first. */
        if (count == 1 && PyTuple_GET_SIZE(names) == 1
            && PyTuple_GET_ITEM(names, 0) == state->as_name) {
            PyObject *made = typed_known((Hot *)op, args[0], args[1], 0);
            if (made != NULL)
                return made;
        }
        Typed wanted;
        if (is_typed(state, args, count, names, &wanted))
            return hot_get_typed(op, args, names, &wanted);
    }
    if ((count == 1 || count == 2) && names == NULL) {
        PyObject *keys = hot_result((Hot *)op, args[0]);
        if (keys != NULL)
            return keys;
    }
    return hot_get_slowly(op, args, count, names);
}

/* --- config.db -------------------------------------------------------------------------------- */

/* Python and its tools look up many names that begin with "_": these are never an option. */
static int
is_private(PyObject *name)
{
    return PyUnicode_GET_LENGTH(name) > 0 && PyUnicode_READ_CHAR(name, 0) == '_';
}

/* Return the attribute, or else the option. */
static PyObject *
hot_getattro(PyObject *op, PyObject *name)
{
    Hot *self = (Hot *)op;
    State *state = self->state;
    PyTypeObject *type = Py_TYPE(op);

    /* Changing a class changes its version. */
    unsigned int version = LOAD(type->tp_version_tag);
    if (name == state->get_name && version != 0 && version == LOAD(self->get_version))
        return hot_bind_get(self);
    /* Python has a cache for this. */
#ifdef Py_GIL_DISABLED
    PyObject *found = _PyType_LookupRef(type, name);
    Py_XDECREF(found); /* from here on it is only compared */
#else
    PyObject *found = _PyType_Lookup(type, name); /* borrowed */
    version = type->tp_version_tag;               /* the lookup may have given it one */
#endif
    int in_class = found != NULL;
    if (found == state->get_method && type->tp_dictoffset == 0) {
        STORE(self->get_version, version);
        return hot_bind_get(self);
    }
    if (in_class) {
        found = PyObject_GenericGetAttr(op, name);
        if (found != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError))
            return found;
        PyErr_Clear();
        return PyObject_CallMethod(op, "_missing", "(O)", name);
    }
    if (type->tp_dictoffset != 0) { /* a subclass without __slots__ */
        PyObject *attributes = PyObject_GenericGetDict(op, NULL);
        if (attributes == NULL)
            return NULL;
#ifdef Py_GIL_DISABLED
        (void)PyDict_GetItemRef(attributes, name, &found);
#else
        found = Py_XNewRef(PyDict_GetItemWithError(attributes, name));
#endif
        Py_DECREF(attributes);
        if (found != NULL || PyErr_Occurred())
            return found;
    }
    if (!is_private(name)) {
        found = hot_result(self, name);
        if (found != NULL)
            return found;
    }
    return PyObject_CallMethod(op, "_missing", "(O)", name);
}

/* --- the object ------------------------------------------------------------------------------- */

/* self._view = words, generation, decoded, until, attachment; a generation below 0 stands for none. */
static int
hot_set_view(PyObject *op, PyObject *view, void *closure)
{
    Py_buffer buffer = {0};

    if (view == NULL || !PyTuple_Check(view) || PyTuple_GET_SIZE(view) != 5
        || !PyDict_CheckExact(PyTuple_GET_ITEM(view, 2))) {
        PyErr_SetString(PyExc_TypeError,
                        "a view is (words, generation, decoded, until, attachment)");
        return -1;
    }
    PyObject *decoded = PyTuple_GET_ITEM(view, 2);
    long long generation = PyLong_AsLongLong(PyTuple_GET_ITEM(view, 1));
    if (generation == -1 && PyErr_Occurred())
        return -1;
    double seconds = PyFloat_AsDouble(PyTuple_GET_ITEM(view, 3));
    if (seconds == -1.0 && PyErr_Occurred())
        return -1;
    int64_t until = in_nanoseconds(seconds);
    if (generation < 0)
        return hot_swap((Hot *)op, view, decoded, NO_GENERATION, until, NULL);
    if (PyObject_GetBuffer(PyTuple_GET_ITEM(view, 0), &buffer, PyBUF_SIMPLE) < 0)
        return -1;
    if (buffer.len < (GENERATION_WORD + 1) * 8 || (uintptr_t)buffer.buf % 8 != 0) {
        PyBuffer_Release(&buffer);
        PyErr_SetString(PyExc_ValueError, "the words are too few, or not aligned");
        return -1;
    }
    return hot_swap((Hot *)op, view, decoded, (uint64_t)generation, until, &buffer);
}

static PyObject *
hot_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Hot *self = (Hot *)alloc(type, 0);

    if (self != NULL) {
        self->state = PyModule_GetState(PyType_GetModuleByDef(type, &module_def));
        self->serves.word = &NO_WORD;
        self->serves.generation = NO_GENERATION;
        if (hot_start(self) < 0)
            Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static int
hot_clear(PyObject *op)
{
    if (hot_swap((Hot *)op, NULL, NULL, NO_GENERATION, 0, NULL) < 0)
        PyErr_Clear();
    return 0;
}

static void
hot_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(op);
    hot_clear(op);
    hot_forget((Hot *)op);
    release(op);
    Py_DECREF(type);
}

const View *
ddbcfg_view_of(PyObject *op)
{
    for (PyTypeObject *type = Py_TYPE(op); type != NULL; type = type->tp_base)
        if (type->tp_dealloc == hot_dealloc)
            return &((Hot *)op)->serves;
    return NULL;
}

/* Subclasses override these.  Here they raise as in hot.py.  Without them, looking one up would
 * call _missing(), which does not exist either, and so recurse forever. */
static PyObject *
hot_not_implemented(PyObject *op, PyObject *args, PyObject *kwargs)
{
    PyErr_SetNone(PyExc_NotImplementedError);
    return NULL;
}

#define HOT_ASKS(name)                                                                           \
    {name, (PyCFunction)(void (*)(void))hot_not_implemented, METH_VARARGS | METH_KEYWORDS, NULL}

static PyMethodDef hot_methods[] = {
    HOT_ASKS("_missing"),
    HOT_ASKS("_get"),
    HOT_ASKS("_lookup"),
    {"get", (PyCFunction)(void (*)(void))hot_get, METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("get($self, option=None, default=..., keys=None, *, as_=None, keep_valid=False)\n"
               "--\n\n"
               "Return the keys of ``option`` as a read-only dict; without it, every option.\n\n"
               "With ``keys``, return only those of them that an option has.  With ``as_``,\n"
               "return the option converted to that type, or by that function: the same object\n"
               "until the option changes.  With ``keep_valid`` too, return the last valid object\n"
               "if a later version of the option does not fit; the status and the log say so.\n\n"
               "Raise OptionNotFound unless there is a ``default``, OptionInvalid if the option\n"
               "does not fit ``as_``, and SnapshotError or SnapshotTooStale if there is no\n"
               "snapshot to serve.")},
    {NULL},
};

static PyGetSetDef hot_getset[] = {
    {"_view", hot_view, hot_set_view, NULL, NULL},
    {NULL},
};

static PyType_Slot hot_slots[] = {
    {Py_tp_doc, "The hot path of a read; see ddbcfg_client/hotpath/hot.py."},
    {Py_tp_new, hot_new},
    {Py_tp_dealloc, hot_dealloc},
    {Py_tp_traverse, hot_traverse},
    {Py_tp_clear, hot_clear},
    {Py_tp_methods, hot_methods},
    {Py_tp_getset, hot_getset},
    {Py_mp_subscript, hot_subscript},
    {Py_tp_getattro, hot_getattro},
    {0, NULL},
};

static PyType_Spec hot_spec = {
    .name = "ddbcfg_client._compiled.Hot",
    .basicsize = sizeof(Hot),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = hot_slots,
};

static int
module_exec(PyObject *module)
{
    State *state = PyModule_GetState(module);

    state->hot = (PyTypeObject *)PyType_FromModuleAndSpec(module, &hot_spec, NULL);
    state->as_name = PyUnicode_InternFromString("as_");
    state->keep_name = PyUnicode_InternFromString("keep_valid");
    state->get_name = PyUnicode_InternFromString("get");
    if (state->hot == NULL || state->as_name == NULL || state->keep_name == NULL
        || state->get_name == NULL)
        return -1;
    state->get_method = PyObject_GetAttr((PyObject *)state->hot, state->get_name);
    if (state->get_method == NULL)
        return -1;
#ifndef Py_GIL_DISABLED
    state->bound_get = (PyTypeObject *)PyType_FromModuleAndSpec(module, &bound_get_spec, NULL);
    if (state->bound_get == NULL)
        return -1;
#endif
    if (PyModule_AddType(module, state->hot) < 0)
        return -1;
    if (ddbcfg_add_bound_type(module) < 0 || ddbcfg_add_pinned_type(module) < 0
        || ddbcfg_add_unpack(module) < 0 || ddbcfg_add_segment(module) < 0)
        return -1;
    return ddbcfg_add_guarded_types(module);
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);

    Py_VISIT(state->hot);
    Py_VISIT(state->get_method);
#ifndef Py_GIL_DISABLED
    Py_VISIT(state->bound_get);
#endif
    return 0;
}

/* Clear only what a living Hot, which holds a reference to the module, does not use. */
static int
module_clear(PyObject *module)
{
    State *state = PyModule_GetState(module);

    Py_CLEAR(state->hot);
    return 0;
}

static void
module_free(void *module)
{
    State *state = PyModule_GetState((PyObject *)module);

    module_clear((PyObject *)module);
#ifndef Py_GIL_DISABLED
    if (state->reused != NULL) {
        PyObject_GC_Del(state->reused);
        Py_DECREF(state->bound_get); /* the reference that each object holds to its type */
    }
    Py_CLEAR(state->bound_get);
#endif
    Py_CLEAR(state->as_name);
    Py_CLEAR(state->keep_name);
    Py_CLEAR(state->get_name);
    Py_CLEAR(state->get_method);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_compiled",
    .m_doc = "The hot path of a read and the bases of shared values, compiled.",
    .m_size = sizeof(State),
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC
PyInit__compiled(void)
{
    return PyModuleDef_Init(&module_def);
}
