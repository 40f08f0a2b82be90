/* What a Hot remembers, where the GIL keeps two threads from changing it at once.
 *
 * A part of _hot.c; _unlocked.h is its equivalent without the GIL.
 */

#define RECENT 16 /* a power of 2 */

/* An option and its keys, or NULL twice. */
typedef struct {
    PyObject *option;
    PyObject *keys;
} Answer;

typedef struct {
    PyObject_HEAD
    PyObject *view;       /* the tuple that Python set; all else here is taken from it */
    View serves;
    Py_buffer buffer; /* of the words: holds the mapping for as long as it is watched */
    /* Recent results, by the address of the name: in a program the name is mostly a constant, the
     * same object each time.  References are held, so an address cannot be reused for another. */
    Answer recent[RECENT];
    Typed typed[TYPED]; /* likewise, by the addresses of name and target */
    State *state;             /* of the module, which the type holds */
    unsigned int get_version; /* of the type when its "get" was last found to be ours, or 0 */
} Hot;

static inline int
is_hot(const Hot *self)
{
    return is_current(&self->serves);
}

/* Return the keys of a decoded option as a new reference; NULL without an error if it is not
 * decoded yet. */
static PyObject *
look_up(Hot *self, PyObject *option)
{
    /* Looking up anything but a plain str could run Python code, which could replace the view. */
    if (!PyUnicode_CheckExact(option))
        return NULL;
    /* Held and compared afterwards: keys in the dict that are not plain str may run Python code. */
    PyObject *decoded = Py_NewRef(self->serves.decoded);
    PyObject *keys = Py_XNewRef(PyDict_GetItemWithError(decoded, option));
    if (keys == NULL)
        PyErr_Clear();
    else if (self->serves.decoded != decoded)
        Py_CLEAR(keys);
    Py_DECREF(decoded);
    return keys;
}

/* The same, but only if the view is current; the result is remembered. */
static inline PyObject *
hot_result(Hot *self, PyObject *option)
{
    if (!is_hot(self))
        return NULL;
    Answer *recent = &self->recent[((uintptr_t)option >> 4) % RECENT];
    if (recent->option == option)
        return Py_NewRef(recent->keys);
    PyObject *keys = look_up(self, option);
    if (keys == NULL)
        return NULL;
    Answer old = *recent;
    *recent = (Answer){Py_NewRef(option), Py_NewRef(keys)};
    /* Last: freeing the old objects can run Python code, which can replace the view. */
    Py_XDECREF(old.option);
    Py_XDECREF(old.keys);
    return keys;
}

static inline Typed *
typed_at(Hot *self, PyObject *option, PyObject *target, int keep_valid)
{
    uintptr_t place = ((uintptr_t)option >> 4) ^ ((uintptr_t)target >> 4) ^ (uintptr_t)keep_valid;
    return &self->typed[place % TYPED];
}

/* The object that is remembered, as a new reference; NULL without an error if there is none. */
static inline PyObject *
typed_known(Hot *self, PyObject *option, PyObject *target, int keep_valid)
{
    const Typed *known = typed_at(self, option, target, keep_valid);
    if (known->option == option && known->target == target && known->keep_valid == keep_valid
        && is_hot(self))
        return Py_NewRef(known->made);
    return NULL;
}

/* The converted option.  What the subclass returns is remembered if the view was the same before
 * and after: then it is made from an option of this view. */
static PyObject *
hot_get_typed(PyObject *op, PyObject *const *args, PyObject *names, Typed *wanted)
{
    Hot *self = (Hot *)op;
    PyObject *made = typed_known(self, wanted->option, wanted->target, wanted->keep_valid);
    if (made != NULL)
        return made;
    /* Held, so that another dict cannot get its address. */
    PyObject *decoded = Py_XNewRef(self->serves.decoded);
    wanted->made = hot_get_slowly(op, args, 1, names);
    if (wanted->made != NULL && decoded != NULL && self->serves.decoded == decoded && is_hot(self)) {
        Typed *place = typed_at(self, wanted->option, wanted->target, wanted->keep_valid);
        Typed old = *place;
        *place = *wanted;
        Py_INCREF(wanted->option);
        Py_INCREF(wanted->target);
        Py_INCREF(wanted->made);
        /* Last: freeing the old objects can run Python code, which can replace the view. */
        Py_XDECREF(old.option);
        Py_XDECREF(old.target);
        Py_XDECREF(old.made);
    }
    Py_XDECREF(decoded);
    return wanted->made;
}

/* Replace the view, possibly by none, and release everything that belongs to the old one.  It cannot
 * fail here. */
static int
hot_swap(Hot *self, PyObject *view, PyObject *decoded, uint64_t generation, int64_t until,
         Py_buffer *buffer)
{
    Hot old = *self;

    self->view = Py_XNewRef(view);
    self->serves.decoded = decoded;
    self->serves.generation = generation;
    self->serves.until = until;
    self->serves.word = &NO_WORD;
    self->buffer = (Py_buffer){0};
    if (buffer != NULL) {
        self->buffer = *buffer;
        self->serves.word = (const uint64_t *)buffer->buf + GENERATION_WORD;
    }
    memset(self->recent, 0, sizeof self->recent);
    memset(self->typed, 0, sizeof self->typed);
    /* Last: freeing these can run Python code, which can read or set another view. */
    PyBuffer_Release(&old.buffer);
    for (int i = 0; i < RECENT; i++) {
        Py_XDECREF(old.recent[i].option);
        Py_XDECREF(old.recent[i].keys);
    }
    for (int i = 0; i < TYPED; i++) {
        Py_XDECREF(old.typed[i].option);
        Py_XDECREF(old.typed[i].target);
        Py_XDECREF(old.typed[i].made);
    }
    Py_XDECREF(old.view);
    return 0;
}

/* Nothing more than what hot_swap() releases. */
static inline void
hot_forget(Hot *self)
{
    (void)self;
}

static inline int
hot_start(Hot *self)
{
    (void)self;
    return 0;
}

static PyObject *
hot_view(PyObject *op, void *closure)
{
    PyObject *view = ((Hot *)op)->view;
    if (view == NULL) {
        PyErr_SetString(PyExc_AttributeError, "_view");
        return NULL;
    }
    Py_INCREF(view);
    return view;
}

static int
hot_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Hot *)op)->view);
    for (int i = 0; i < RECENT; i++)
        Py_VISIT(((Hot *)op)->recent[i].keys);
    for (int i = 0; i < TYPED; i++) {
        Py_VISIT(((Hot *)op)->typed[i].target);
        Py_VISIT(((Hot *)op)->typed[i].made);
    }
    return 0;
}
