/* What a HotBound holds, with the GIL.  A part of _bound.c; _bound_unlocked.h is its equivalent. */

static inline PyObject *
bound_made(PyObject *op)
{
    HotBound *self = (HotBound *)op;
    if (self->held != NULL && self->reader->decoded == self->decoded && is_current(self->reader)
        && is_same_process(self))
        return Py_NewRef(self->made);
    return PyObject_CallMethod(op, "_slowly", NULL);
}

/* Replace what is held, possibly by nothing, and release the old. */
static int
bound_swap(HotBound *self, PyObject *held, const uint64_t *word, uint64_t process,
           const Py_buffer *buffer)
{
    PyObject *old = self->held;
    Py_buffer old_buffer = self->buffer;

    self->held = Py_XNewRef(held);
    self->reader = held == NULL ? NULL : ddbcfg_view_of(PyTuple_GET_ITEM(held, 0));
    self->decoded = held == NULL ? NULL : PyTuple_GET_ITEM(held, 1);
    self->made = held == NULL ? NULL : PyTuple_GET_ITEM(held, 4);
    self->word = word;
    self->process = process;
    self->buffer = buffer == NULL ? (Py_buffer){0} : *buffer;
    /* Last: freeing these can run Python code, which can call this object or set another. */
    PyBuffer_Release(&old_buffer);
    Py_XDECREF(old);
    return 0;
}

static PyObject *
bound_get_held(PyObject *op, void *closure)
{
    PyObject *held = ((HotBound *)op)->held;
    if (held == NULL) {
        PyErr_SetString(PyExc_AttributeError, "_held");
        return NULL;
    }
    return Py_NewRef(held);
}

static int
bound_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((HotBound *)op)->held);
    return 0;
}

static int
bound_clear(PyObject *op)
{
    bound_swap((HotBound *)op, NULL, NULL, 0, NULL);
    return 0;
}
