/* A dict and a list whose content C code cannot change.  The reference is
 * ddbcfg_client/readonly/guarded.py.
 *
 * Both hold their content twice.  C code finds, reads and sometimes changes the inherited storage
 * of a dict or a list without calling the type's methods.  That is a copy; every method reads the
 * other one. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define REFUSED                                                                                    \
    "this %s is configuration that the whole process shares and cannot be changed: "              \
    "change a copy, %s(value)"

typedef struct {
    PyDictObject copy;
    PyObject *content; /* a dict */
    int made;
} GuardedDict;

typedef struct {
    PyListObject copy;
    PyObject *content; /* a tuple */
    int made;
} GuardedList;

/* --- GuardedDict ------------------------------------------------------------------------------ */

/* Methods of dict, called with the content.  Functions, not objects, so interpreters can share them. */
static struct {
    const char *name;
    int flags;
    PyCFunction call;
} dict_methods[] = {
    {"get", METH_FASTCALL, NULL},          {"keys", METH_NOARGS, NULL},
    {"values", METH_NOARGS, NULL},         {"items", METH_NOARGS, NULL},
    {"__reversed__", METH_NOARGS, NULL},   {"copy", METH_NOARGS, NULL},
};
enum { GET, KEYS, VALUES, ITEMS, REVERSED, COPY, DICT_METHODS };

static int
find_dict_methods(void)
{
    for (int i = 0; i < DICT_METHODS; i++) {
        PyMethodDef *method = PyDict_Type.tp_methods;
        while (method->ml_name != NULL && strcmp(method->ml_name, dict_methods[i].name) != 0)
            method++;
        if (method->ml_name == NULL || method->ml_flags != dict_methods[i].flags) {
            PyErr_Format(PyExc_ImportError, "dict.%s is not what it was", dict_methods[i].name);
            return -1;
        }
        dict_methods[i].call = method->ml_meth;
    }
    return 0;
}

static inline PyObject *
content_of(PyObject *op)
{
    return ((GuardedDict *)op)->content;
}

static PyObject *
dict_get(PyObject *op, PyObject *const *args, Py_ssize_t count)
{
    PyObject *(*get)(PyObject *, PyObject *const *, Py_ssize_t) =
        (PyObject * (*)(PyObject *, PyObject *const *, Py_ssize_t))(void (*)(void))
            dict_methods[GET].call;
    return get(content_of(op), args, count);
}

#define OF_CONTENT(function, which)                                                                \
    static PyObject *function(PyObject *op, PyObject *unused)                                      \
    {                                                                                              \
        return dict_methods[which].call(content_of(op), NULL);                                     \
    }
OF_CONTENT(dict_keys, KEYS)
OF_CONTENT(dict_values, VALUES)
OF_CONTENT(dict_items, ITEMS)
OF_CONTENT(dict_reversed, REVERSED)
OF_CONTENT(dict_copy, COPY)

static PyObject *
dict_subscript(PyObject *op, PyObject *key)
{
    return PyDict_Type.tp_as_mapping->mp_subscript(content_of(op), key);
}

static Py_ssize_t
dict_length(PyObject *op)
{
    return PyDict_Size(content_of(op));
}

static int
dict_contains(PyObject *op, PyObject *key)
{
    return PyDict_Contains(content_of(op), key);
}

static PyObject *
dict_iter(PyObject *op)
{
    return PyObject_GetIter(content_of(op));
}

static PyObject *
dict_repr(PyObject *op)
{
    return PyObject_Repr(content_of(op));
}

static PyObject *
dict_compare(PyObject *op, PyObject *other, int how)
{
    /* The private content is never passed to another object's comparison. */
    if (!PyDict_Check(other))
        Py_RETURN_NOTIMPLEMENTED;
    if (Py_TYPE(other)->tp_richcompare == dict_compare)
        other = content_of(other);
    return PyDict_Type.tp_richcompare(content_of(op), other, how);
}

static PyObject *
dict_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *content = PyObject_Call((PyObject *)&PyDict_Type, args, kwargs);
    if (content == NULL)
        return NULL;
    PyObject *made = PyDict_Type.tp_new(type, args, kwargs);
    if (made == NULL) {
        Py_DECREF(content);
        return NULL;
    }
    ((GuardedDict *)made)->content = content;
    if (PyDict_Update(made, content) < 0)
        Py_CLEAR(made);
    return made;
}

/* Called only once, by the type. */
static int
dict_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    if (((GuardedDict *)op)->made) {
        PyErr_Format(PyExc_TypeError, REFUSED, "dict", "dict");
        return -1;
    }
    ((GuardedDict *)op)->made = 1;
    return 0;
}

static int
dict_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(content_of(op));
    return PyDict_Type.tp_traverse(op, visit, arg);
}

/* The content stays: methods may still be called. */
static int
dict_clear(PyObject *op)
{
    return PyDict_Type.tp_clear(op);
}

static void
dict_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    Py_CLEAR(((GuardedDict *)op)->content);
    PyDict_Type.tp_dealloc(op);
    Py_DECREF(type);
}

static PyMethodDef dict_method_table[] = {
    {"get", (PyCFunction)(void (*)(void))dict_get, METH_FASTCALL, NULL},
    {"keys", dict_keys, METH_NOARGS, NULL},
    {"values", dict_values, METH_NOARGS, NULL},
    {"items", dict_items, METH_NOARGS, NULL},
    {"__reversed__", dict_reversed, METH_NOARGS, NULL},
    {"copy", dict_copy, METH_NOARGS, PyDoc_STR("Return a plain dict of the same values.")},
    {NULL},
};

static PyType_Slot dict_slots[] = {
    {Py_tp_doc, "A dict whose content C code cannot change; see ddbcfg_client/readonly/guarded.py."},
    {Py_tp_new, dict_new},
    {Py_tp_init, dict_init},
    {Py_tp_dealloc, dict_dealloc},
    {Py_tp_traverse, dict_traverse},
    {Py_tp_clear, dict_clear},
    {Py_tp_methods, dict_method_table},
    {Py_mp_subscript, dict_subscript},
    {Py_mp_length, dict_length},
    {Py_sq_contains, dict_contains},
    {Py_tp_iter, dict_iter},
    {Py_tp_repr, dict_repr},
    {Py_tp_richcompare, dict_compare},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {0, NULL},
};

static PyType_Spec dict_spec = {
    .name = "ddbcfg_client._compiled.GuardedDict",
    .basicsize = sizeof(GuardedDict),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = dict_slots,
};

/* --- GuardedList ------------------------------------------------------------------------------ */

static inline PyObject *
elements_of(PyObject *op)
{
    return ((GuardedList *)op)->content;
}

static PyObject *
list_item(PyObject *op, Py_ssize_t index)
{
    PyObject *elements = elements_of(op);

    if (index < 0 || index >= PyTuple_GET_SIZE(elements)) {
        PyErr_SetString(PyExc_IndexError, "list index out of range");
        return NULL;
    }
    return Py_NewRef(PyTuple_GET_ITEM(elements, index));
}

static PyObject *
list_subscript(PyObject *op, PyObject *index)
{
    PyObject *elements = elements_of(op);

    if (PyIndex_Check(index)) {
        Py_ssize_t at = PyNumber_AsSsize_t(index, PyExc_IndexError);
        if (at == -1 && PyErr_Occurred())
            return NULL;
        return list_item(op, at < 0 ? at + PyTuple_GET_SIZE(elements) : at);
    }
    if (!PySlice_Check(index)) {
        PyErr_Format(PyExc_TypeError, "list indices must be integers or slices, not %s",
                     Py_TYPE(index)->tp_name);
        return NULL;
    }
    PyObject *part = PyObject_GetItem(elements, index);
    if (part == NULL)
        return NULL;
    PyObject *plain = PySequence_List(part);
    Py_DECREF(part);
    return plain;
}

static Py_ssize_t
list_length(PyObject *op)
{
    return PyTuple_GET_SIZE(elements_of(op));
}

static int
list_contains(PyObject *op, PyObject *element)
{
    return PySequence_Contains(elements_of(op), element);
}

static PyObject *
list_iter(PyObject *op)
{
    return PyObject_GetIter(elements_of(op));
}

static PyObject *
list_repr(PyObject *op)
{
    PyObject *plain = PySequence_List(elements_of(op));
    PyObject *text = plain == NULL ? NULL : PyObject_Repr(plain);
    Py_XDECREF(plain);
    return text;
}

/* Tuples compare like lists. */
static PyObject *
list_compare(PyObject *op, PyObject *other, int how)
{
    if (!PyList_Check(other))
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *elements = Py_TYPE(other)->tp_richcompare == list_compare
                             ? Py_NewRef(elements_of(other))
                             : PyList_AsTuple(other);
    if (elements == NULL)
        return NULL;
    PyObject *result = PyObject_RichCompare(elements_of(op), elements, how);
    Py_DECREF(elements);
    return result;
}

static PyObject *
list_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *content = PyObject_Call((PyObject *)&PyTuple_Type, args, kwargs);
    if (content == NULL)
        return NULL;
    PyObject *made = PyList_Type.tp_new(type, args, kwargs);
    if (made == NULL) {
        Py_DECREF(content);
        return NULL;
    }
    ((GuardedList *)made)->content = content;
    if (PyList_SetSlice(made, 0, 0, content) < 0)
        Py_CLEAR(made);
    return made;
}

static int
list_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    if (((GuardedList *)op)->made) {
        PyErr_Format(PyExc_TypeError, REFUSED, "list", "list");
        return -1;
    }
    ((GuardedList *)op)->made = 1;
    return 0;
}

static int
list_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(elements_of(op));
    return PyList_Type.tp_traverse(op, visit, arg);
}

/* The content stays, as in a dict. */
static int
list_clear(PyObject *op)
{
    return PyList_Type.tp_clear(op);
}

static void
list_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    Py_CLEAR(((GuardedList *)op)->content);
    PyList_Type.tp_dealloc(op);
    Py_DECREF(type);
}

static PyType_Slot list_slots[] = {
    {Py_tp_doc, "A list whose content C code cannot change; see ddbcfg_client/readonly/guarded.py."},
    {Py_tp_new, list_new},
    {Py_tp_init, list_init},
    {Py_tp_dealloc, list_dealloc},
    {Py_tp_traverse, list_traverse},
    {Py_tp_clear, list_clear},
    {Py_sq_item, list_item},
    {Py_sq_length, list_length},
    {Py_sq_contains, list_contains},
    {Py_mp_subscript, list_subscript},
    {Py_mp_length, list_length},
    {Py_tp_iter, list_iter},
    {Py_tp_repr, list_repr},
    {Py_tp_richcompare, list_compare},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {0, NULL},
};

static PyType_Spec list_spec = {
    .name = "ddbcfg_client._compiled.GuardedList",
    .basicsize = sizeof(GuardedList),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = list_slots,
};

/* --- the module, which hotpath/_hot.c defines --------------------------------------------------------- */

static int
add_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, (PyObject *)base);
    if (type == NULL)
        return -1;
    int done = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return done;
}

int
ddbcfg_add_guarded_types(PyObject *module)
{
    if (find_dict_methods() < 0 || add_type(module, &dict_spec, &PyDict_Type) < 0)
        return -1;
    return add_type(module, &list_spec, &PyList_Type);
}
