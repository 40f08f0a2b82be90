/* The hot path of a bound object, in C.  The reference is ddbcfg_client/hotpath/hot_bound.py. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>
#include <unistd.h>

#include "_view.h"

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
#ifdef Py_GIL_DISABLED
    APART
    uint64_t version; /* of all the following; odd while there is nothing to return */
#endif
    PyObject *held;     /* the tuple that Python set; all else here is taken from it */
    const View *reader; /* of the reader in it */
    PyObject *decoded;  /* borrowed from it, like the next */
    PyObject *made;
    const uint64_t *word; /* in the buffer, or NULL: then the pid says which process this is */
    uint64_t process;
    Py_buffer buffer; /* of the word: holds the mapping for as long as it is watched */
#ifdef Py_GIL_DISABLED
    Lock changing;
    PyObject *owner;   /* the first reader, which stays */
    PyObject *results; /* a dict with the object, which stays: see _unlocked.h */
    PyObject *name;    /* the object's key there */
#endif
} HotBound;

/* A fork clears the word, whatever code called it, so a child never takes the parent's object for its
 * own. */
static inline int
is_same_process(const HotBound *self)
{
    const uint64_t *word = LOAD(self->word);
    uint64_t now = word != NULL ? *(const volatile uint64_t *)word : (uint64_t)getpid();
    return now == LOAD(self->process);
}

#ifdef Py_GIL_DISABLED
#include "_bound_unlocked.h"
#else
#include "_bound_held.h"
#endif

static PyObject *bound_call(PyObject *op, PyObject *args, PyObject *kwargs);

static PyObject *
bound_vectorcall(PyObject *op, PyObject *const *args, size_t flags, PyObject *names)
{
#if PY_VERSION_HEX < 0x030C0000
    if (Py_TYPE(op)->tp_call != bound_call) /* the class was given another __call__ since */
        return _PyObject_MakeTpCall(PyThreadState_Get(), op, args, PyVectorcall_NARGS(flags), names);
#endif
    if (PyVectorcall_NARGS(flags) != 0 || (names != NULL && PyTuple_GET_SIZE(names) != 0)) {
        PyErr_SetString(PyExc_TypeError, "a bound object is called without arguments");
        return NULL;
    }
    return bound_made(op);
}

/* For calls with a tuple; a vectorcall is faster. */
static PyObject *
bound_call(PyObject *op, PyObject *args, PyObject *kwargs)
{
    if (PyTuple_GET_SIZE(args) != 0 || (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0)) {
        PyErr_SetString(PyExc_TypeError, "a bound object is called without arguments");
        return NULL;
    }
    return bound_made(op);
}

/* self._held = reader, decoded, word, process, made */
static int
bound_set_held(PyObject *op, PyObject *held, void *closure)
{
    Py_buffer buffer = {0};

    if (held == NULL || !PyTuple_CheckExact(held) || PyTuple_GET_SIZE(held) != 5
        || ddbcfg_view_of(PyTuple_GET_ITEM(held, 0)) == NULL
        || !PyDict_CheckExact(PyTuple_GET_ITEM(held, 1))) {
        PyErr_SetString(PyExc_TypeError,
                        "what is held is (reader, decoded, word, process, made)");
        return -1;
    }
    unsigned long long process = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(held, 3));
    if (process == (unsigned long long)-1 && PyErr_Occurred())
        return -1;
    PyObject *word = PyTuple_GET_ITEM(held, 2);
    if (word == Py_None)
        return bound_swap((HotBound *)op, held, NULL, process, NULL);
    if (PyObject_GetBuffer(word, &buffer, PyBUF_SIMPLE) < 0)
        return -1;
    if (buffer.len < 8 || (uintptr_t)buffer.buf % 8 != 0) {
        PyBuffer_Release(&buffer);
        PyErr_SetString(PyExc_ValueError, "the word is too short, or not aligned");
        return -1;
    }
    return bound_swap((HotBound *)op, held, (const uint64_t *)buffer.buf, process, &buffer);
}

static PyObject *
bound_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    HotBound *self = (HotBound *)alloc(type, 0);

    if (self == NULL)
        return NULL;
    self->call = bound_vectorcall;
#ifdef Py_GIL_DISABLED
    self->version = 1;
    self->results = PyDict_New();
    self->name = PyUnicode_InternFromString("made");
    if (self->results == NULL || self->name == NULL) {
        Py_DECREF(self);
        return NULL;
    }
#endif
#if PY_VERSION_HEX < 0x030C0000
    /* Python 3.12 and later do this when a class in Python inherits from this type. */
    if (type->tp_call == bound_call && type->tp_vectorcall_offset == offsetof(HotBound, call))
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
#endif
    return (PyObject *)self;
}

static void
bound_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(op);
    bound_clear(op);
#ifdef Py_GIL_DISABLED
    PyBuffer_Release(&((HotBound *)op)->buffer);
    Py_CLEAR(((HotBound *)op)->results);
    Py_CLEAR(((HotBound *)op)->name);
#endif
    release(op);
    Py_DECREF(type);
}

/* Subclasses override this. */
static PyObject *
bound_slowly(PyObject *op, PyObject *ignored)
{
    PyErr_SetNone(PyExc_NotImplementedError);
    return NULL;
}

static PyMethodDef bound_methods[] = {
    {"_slowly", bound_slowly, METH_NOARGS, NULL},
    {NULL},
};

static PyMemberDef bound_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(HotBound, call), READONLY, NULL},
    {NULL},
};

static PyGetSetDef bound_getset[] = {
    {"_held", bound_get_held, bound_set_held, NULL, NULL},
    {NULL},
};

static PyType_Slot bound_slots[] = {
    {Py_tp_doc, "The hot path of a bound object; see ddbcfg_client/hotpath/hot_bound.py."},
    {Py_tp_new, bound_new},
    {Py_tp_dealloc, bound_dealloc},
    {Py_tp_traverse, bound_traverse},
    {Py_tp_clear, bound_clear},
    {Py_tp_call, bound_call},
    {Py_tp_methods, bound_methods},
    {Py_tp_members, bound_members},
    {Py_tp_getset, bound_getset},
    {0, NULL},
};

static PyType_Spec bound_spec = {
    .name = "ddbcfg_client._compiled.HotBound",
    .basicsize = sizeof(HotBound),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_HAVE_VECTORCALL,
    .slots = bound_slots,
};

int
ddbcfg_add_bound_type(PyObject *module)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &bound_spec, NULL);
    if (type == NULL)
        return -1;
    int failed = PyModule_AddType(module, type);
    Py_DECREF(type);
    return failed;
}
