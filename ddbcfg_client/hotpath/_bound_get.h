/* `config.get`, where the GIL lets one object serve for all calls.  A part of _hot.c. */

/* `config.get`, looked up and not yet called. */
typedef struct BoundGet {
    PyObject_HEAD
    vectorcallfunc call;
    Hot *self; /* NULL while the object is not in use */
} BoundGet;

/* The method as Python binds it, for all attributes of a method other than the call. */
static PyObject *
bound_get_usual(PyObject *op)
{
    Hot *self = ((BoundGet *)op)->self;
    PyObject *method = self->state->get_method;
    return Py_TYPE(method)->tp_descr_get(method, (PyObject *)self, (PyObject *)Py_TYPE(self));
}

static PyObject *
bound_get_call(PyObject *op, PyObject *const *args, size_t flags, PyObject *names)
{
    return hot_get((PyObject *)((BoundGet *)op)->self, args, PyVectorcall_NARGS(flags), names);
}

static PyObject *
bound_get_getattro(PyObject *op, PyObject *name)
{
    PyObject *usual = bound_get_usual(op);
    PyObject *found = usual == NULL ? NULL : PyObject_GetAttr(usual, name);
    Py_XDECREF(usual);
    return found;
}

static PyObject *
bound_get_repr(PyObject *op)
{
    PyObject *usual = bound_get_usual(op);
    PyObject *text = usual == NULL ? NULL : PyObject_Repr(usual);
    Py_XDECREF(usual);
    return text;
}

/* Bound methods of the same object are equal. */
static PyObject *
bound_get_compare(PyObject *op, PyObject *other, int how)
{
    if (!Py_IS_TYPE(other, Py_TYPE(op)) || (how != Py_EQ && how != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    int same = ((BoundGet *)op)->self == ((BoundGet *)other)->self;
    return PyBool_FromLong(same == (how == Py_EQ));
}

static Py_hash_t
bound_get_hash(PyObject *op)
{
    return (Py_hash_t)((uintptr_t)((BoundGet *)op)->self >> 4);
}

static int
bound_get_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((BoundGet *)op)->self);
    return 0;
}

static void
bound_get_dealloc(PyObject *op)
{
    Hot *self = ((BoundGet *)op)->self;

    if (op == (PyObject *)self->state->reused)
        ((BoundGet *)op)->self = NULL;
    else {
        PyTypeObject *type = Py_TYPE(op);
        PyObject_GC_UnTrack(op);
        PyObject_GC_Del(op);
        Py_DECREF(type);
    }
    Py_DECREF(self); /* last: this may free it, and the state after it */
}

static PyMemberDef bound_get_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(BoundGet, call), READONLY, NULL},
    {NULL},
};

static PyType_Slot bound_get_slots[] = {
    {Py_tp_doc, "A method that was looked up, and not yet called."},
    {Py_tp_dealloc, bound_get_dealloc},
    {Py_tp_traverse, bound_get_traverse},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_getattro, bound_get_getattro},
    {Py_tp_repr, bound_get_repr},
    {Py_tp_richcompare, bound_get_compare},
    {Py_tp_hash, bound_get_hash},
    {Py_tp_members, bound_get_members},
    {0, NULL},
};

static PyType_Spec bound_get_spec = {
    .name = "ddbcfg_client._compiled.BoundGet",
    .basicsize = sizeof(BoundGet),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = bound_get_slots,
};

/* For a type with its own attribute lookup, Python creates a new bound method for each
 * `config.get`, which takes longer than the read.  Here one object is reused for all calls.  It
 * refers to a Hot only while it is in use: if a Hot kept one, the two would form a cycle.
 *
 * If the object is still in use when the next one is needed, it has been stored somewhere.  Then it
 * is tracked by the garbage collector, and a new object replaces it here.  Without a reference, but
 * with a Hot, it waits for its deallocation: Python 3.14 delays that near the end of the C stack, and
 * uses the collector's fields for its list. */
static PyObject *
hot_bind_get(Hot *self)
{
    State *state = self->state;
    BoundGet *bound = state->reused;

    if (bound != NULL && bound->self == NULL)
        Py_SET_REFCNT((PyObject *)bound, 1);
    else {
        state->reused = NULL;
        if (bound != NULL && Py_REFCNT(bound) != 0)
            PyObject_GC_Track(bound);
        bound = PyObject_GC_New(BoundGet, state->bound_get);
        if (bound == NULL)
            return NULL;
        bound->call = bound_get_call;
        bound->self = NULL;
        if (state->reused == NULL)
            state->reused = bound;
        else /* the allocation ran the collector, and so other code that called this */
            PyObject_GC_Track(bound);
    }
    bound->self = (Hot *)Py_NewRef(self);
    return (PyObject *)bound;
}
