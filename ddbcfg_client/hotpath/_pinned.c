/* The hot path of a snapshot, in C.  The reference is ddbcfg_client/hotpath/hot_pinned.py. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "_view.h"

typedef struct {
    PyObject_HEAD
#ifdef Py_GIL_DISABLED
    APART
    PyObject *kept; /* a list of all dicts that were set: a thread may still read in an old one */
#endif
    PyObject *decoded; /* an exact dict, or NULL before Python sets it */
} HotPinned;

/* Return the keys of a decoded option as a new reference, or NULL, perhaps with an error. */
static inline PyObject *
pinned_keys(PyObject *decoded, PyObject *option)
{
#ifdef Py_GIL_DISABLED
    /* The dict is not freed meanwhile: see pinned_set_decoded(). */
    PyObject *keys;
    (void)PyDict_GetItemRef(decoded, option, &keys);
#else
    Py_INCREF(decoded); /* keys in it that are not plain str may run Python code */
    PyObject *keys = Py_XNewRef(PyDict_GetItemWithError(decoded, option));
    Py_DECREF(decoded);
#endif
    return keys;
}

static PyObject *
pinned_subscript(PyObject *op, PyObject *option)
{
    PyObject *decoded = LOAD(((HotPinned *)op)->decoded);

    /* Looking up anything but a plain str could run Python code. */
    if (decoded != NULL && PyUnicode_CheckExact(option)) {
        PyObject *keys = pinned_keys(decoded, option);
        if (keys != NULL)
            return keys;
        PyErr_Clear();
    }
    return PyObject_CallMethod(op, "_read", "(O)", option);
}

static PyObject *
pinned_get_decoded(PyObject *op, void *closure)
{
    PyObject *decoded = LOAD(((HotPinned *)op)->decoded);
    if (decoded == NULL)
        PyErr_SetString(PyExc_AttributeError, "decoded");
    return Py_XNewRef(decoded);
}

static int
pinned_set_decoded(PyObject *op, PyObject *decoded, void *closure)
{
    if (decoded == NULL || !PyDict_CheckExact(decoded)) {
        PyErr_SetString(PyExc_TypeError, "decoded is a dict");
        return -1;
    }
    HotPinned *self = (HotPinned *)op;
#ifdef Py_GIL_DISABLED
    int failed = 0;
    Py_BEGIN_CRITICAL_SECTION(op);
    if (self->kept == NULL)
        self->kept = PyList_New(0);
    /* First: what may be read later is held already. */
    failed = self->kept == NULL || PyList_Append(self->kept, decoded) < 0 ? -1 : 0;
    if (!failed)
        STORE(self->decoded, decoded);
    Py_END_CRITICAL_SECTION();
    return failed;
#else
    PyObject *old = self->decoded;
    self->decoded = Py_NewRef(decoded);
    Py_XDECREF(old);
    return 0;
#endif
}

static int
pinned_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
#ifdef Py_GIL_DISABLED
    Py_VISIT(((HotPinned *)op)->kept);
#else
    Py_VISIT(((HotPinned *)op)->decoded);
#endif
    return 0;
}

static int
pinned_clear(PyObject *op)
{
#ifdef Py_GIL_DISABLED
    STORE(((HotPinned *)op)->decoded, NULL);
    Py_CLEAR(((HotPinned *)op)->kept);
#else
    Py_CLEAR(((HotPinned *)op)->decoded);
#endif
    return 0;
}

static void
pinned_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(op);
    pinned_clear(op);
    release(op);
    Py_DECREF(type);
}

/* Subclasses override this. */
static PyObject *
pinned_read(PyObject *op, PyObject *option)
{
    PyErr_SetNone(PyExc_NotImplementedError);
    return NULL;
}

static PyMethodDef pinned_methods[] = {
    {"_read", pinned_read, METH_O, NULL},
    {NULL},
};

static PyGetSetDef pinned_getset[] = {
    {"decoded", pinned_get_decoded, pinned_set_decoded, "The options decoded so far.", NULL},
    {NULL},
};

static PyType_Slot pinned_slots[] = {
    {Py_tp_doc, "The hot path of a snapshot; see ddbcfg_client/hotpath/hot_pinned.py."},
    {Py_tp_dealloc, pinned_dealloc},
    {Py_tp_traverse, pinned_traverse},
    {Py_tp_clear, pinned_clear},
    {Py_tp_methods, pinned_methods},
    {Py_tp_getset, pinned_getset},
    {Py_mp_subscript, pinned_subscript},
    {0, NULL},
};

static PyType_Spec pinned_spec = {
    .name = "ddbcfg_client._compiled.HotPinned",
    .basicsize = sizeof(HotPinned),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = pinned_slots,
};

int
ddbcfg_add_pinned_type(PyObject *module)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &pinned_spec, NULL);
    if (type == NULL)
        return -1;
    int failed = PyModule_AddType(module, type);
    Py_DECREF(type);
    return failed;
}
