/* What a HotBound holds, where there is no GIL.  A part of _bound.c; _bound_held.h is its equivalent.
 *
 * _unlocked.h says how a thread reads what another one replaces.  The reader and the word may be in
 * use by another thread, so they are replaced only if there is none.  Otherwise, with another reader
 * or another word, which no program has, each call goes to the subclass. */

static inline PyObject *
bound_made(PyObject *op)
{
    HotBound *self = (HotBound *)op;
    uint64_t version = LOAD(self->version);
    if (version % 2 == 0) {
        const View *reader = LOAD(self->reader);
        uint64_t view = LOAD(reader->version);
        if (view % 2 == 0 && LOAD(reader->decoded) == LOAD(self->decoded) && is_current(reader)
            && is_same_process(self)) {
            PyObject *made;
            if (PyDict_GetItemRef(self->results, self->name, &made) < 0)
                PyErr_Clear();
            if (made != NULL && LOAD(reader->version) == view && LOAD(self->version) == version)
                return made;
            Py_XDECREF(made);
        }
    }
    return PyObject_CallMethod(op, "_slowly", NULL);
}

/* Replace what is held, and release the old. */
static int
bound_swap(HotBound *self, PyObject *held, const uint64_t *word, uint64_t process,
           const Py_buffer *buffer)
{
    Py_buffer spare = buffer == NULL ? (Py_buffer){0} : *buffer;
    PyObject *made = NULL, *old_owner = NULL;
    int failed = 0;

    lock(&self->changing);
    PyObject *old = self->held;
    if (self->version % 2 == 0)
        STORE(self->version, self->version + 1);
    if (PyDict_GetItemRef(self->results, self->name, &made) < 0)
        PyErr_Clear();
    self->held = Py_NewRef(held);
    PyObject *owner = PyTuple_GET_ITEM(held, 0);
    if (self->owner == NULL || is_alone()) {
        Py_buffer unused = self->buffer;
        old_owner = self->owner;
        self->owner = Py_NewRef(owner);
        self->buffer = spare;
        spare = unused;
        STORE(self->word, word);
        STORE(self->reader, ddbcfg_view_of(owner));
    }
    STORE(self->decoded, PyTuple_GET_ITEM(held, 1));
    STORE(self->process, process);
    failed = PyDict_SetItem(self->results, self->name, PyTuple_GET_ITEM(held, 4));
    if (!failed && owner == self->owner && word == self->word)
        STORE(self->version, self->version + 1);
    unlock(&self->changing);
    /* Last: freeing these can run Python code, which can call this object or set another. */
    PyBuffer_Release(&spare);
    Py_XDECREF(made);
    Py_XDECREF(old_owner);
    Py_XDECREF(old);
    return failed;
}

static PyObject *
bound_get_held(PyObject *op, void *closure)
{
    HotBound *self = (HotBound *)op;
    lock(&self->changing);
    PyObject *held = Py_XNewRef(self->held);
    unlock(&self->changing);
    if (held == NULL)
        PyErr_SetString(PyExc_AttributeError, "_held");
    return held;
}

static int
bound_traverse(PyObject *op, visitproc visit, void *arg)
{
    HotBound *self = (HotBound *)op;

    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->held);
    Py_VISIT(self->owner);
    Py_VISIT(self->results);
    return 0;
}

/* Called when no thread has the object any more. */
static int
bound_clear(PyObject *op)
{
    HotBound *self = (HotBound *)op;

    if (self->version % 2 == 0)
        self->version++;
    Py_CLEAR(self->held);
    Py_CLEAR(self->owner);
    if (self->results != NULL)
        PyDict_Clear(self->results);
    return 0;
}
