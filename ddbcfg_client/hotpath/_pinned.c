/* The hot path of a snapshot, in C.  The reference is ddbcfg_client/hotpath/hot_pinned.py. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "_view.h"

typedef struct {
    PyObject_HEAD
    PyObject *decoded; /* an exact dict, or NULL before Python sets it */
} HotPinned;

static PyObject *
pinned_subscript(PyObject *op, PyObject *option)
{
    PyObject *decoded = ((HotPinned *)op)->decoded;

    /* Looking up anything but a plain str could run Python code. */
    if (decoded != NULL && PyUnicode_CheckExact(option)) {
        Py_INCREF(decoded); /* keys in it that are not plain str may run Python code, too */
        PyObject *keys = Py_XNewRef(PyDict_GetItemWithError(decoded, option));
        Py_DECREF(decoded);
        if (keys != NULL)
            return keys;
        PyErr_Clear();
    }
    return PyObject_CallMethod(op, "_read", "(O)", option);
}

static PyObject *
pinned_get_decoded(PyObject *op, void *closure)
{
    PyObject *decoded = ((HotPinned *)op)->decoded;
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
    PyObject *old = ((HotPinned *)op)->decoded;
    ((HotPinned *)op)->decoded = Py_NewRef(decoded);
    Py_XDECREF(old);
    return 0;
}

static int
pinned_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((HotPinned *)op)->decoded);
    return 0;
}

static int
pinned_clear(PyObject *op)
{
    Py_CLEAR(((HotPinned *)op)->decoded);
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
