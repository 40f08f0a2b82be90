/* What a Hot remembers, where there is no GIL: threads read it while another one replaces it.
 *
 * A part of _hot.c; _recent.h is its equivalent with the GIL.  A read takes no lock, and writes
 * nothing but the reference count of what it returns, as with a dict.
 *
 * - A thread must not take a reference to an object that another thread may be freeing.  Only the
 *   dict of CPython can do that without a lock.  So results are in dicts that belong to the Hot for
 *   as long as it lives: their content is replaced, never they.
 * - ``serves.version`` is odd while a view is replaced, and another even number afterwards.  A read
 *   that finds the same even number before and after has seen one view.
 * - A thread may have loaded the address of the word just before another one replaces it.  So
 *   memory that was watched stays mapped until the process has one thread, or the Hot is freed.  A
 *   page is replaced only if it was removed.
 *
 * No Python code runs while ``changing`` is held: what is replaced is released afterwards.  A child
 * that was forked during a change replaces the rest of it: it finds an odd version, and no result is
 * returned until it sets a view. */

#define KEPT_AT_MOST 1024 /* afterwards, each read calls the subclass */

typedef struct {
    PyObject *option; /* or NULL */
    PyObject *target;
    int keep_valid;
    PyObject *made; /* a dict with the object, or NULL before the first one; never replaced */
} TypedPlace;

typedef struct {
    PyObject_HEAD
    APART
    View serves;
    unsigned int get_version; /* of the type when its "get" was last found to be ours, or 0 */
    PyObject *results;       /* options that were read from this view */
    TypedPlace typed[TYPED]; /* by the addresses of name and target, whose references are held */
    State *state;            /* of the module, which the type holds */
    Lock changing;
    PyObject *view;  /* the tuple that Python set */
    Py_buffer *kept; /* of all words that were watched */
    int kept_count;
} Hot;

/* What was replaced, until it may be released. */
typedef struct {
    PyObject *view;
    PyObject *results;
    Typed typed[TYPED];
    Py_buffer *words;
    int word_count;
} Replaced;

/* The same as hot_result() for a first read in this view, and while another thread replaces the view.
 * The result is remembered. */
static PyObject *
result_slowly(Hot *self, PyObject *option)
{
    PyObject *decoded = NULL, *keys;

    lock(&self->changing);
    uint64_t version = self->serves.version;
    if (is_current(&self->serves))
        decoded = Py_NewRef(self->serves.decoded);
    unlock(&self->changing);
    if (decoded == NULL)
        return NULL;
    if (PyDict_GetItemRef(decoded, option, &keys) < 0)
        PyErr_Clear();
    Py_DECREF(decoded);
    if (keys == NULL)
        return NULL;
    lock(&self->changing);
    if (self->serves.version == version
        && PyDict_SetDefaultRef(self->results, option, keys, NULL) < 0)
        PyErr_Clear();
    unlock(&self->changing);
    return keys;
}

/* Return the keys of a decoded option as a new reference, if the view is current.  Return NULL
 * without an error if it is not, or if the option is not decoded yet. */
static inline PyObject *
hot_result(Hot *self, PyObject *option)
{
    uint64_t version = LOAD(self->serves.version);
    PyObject *keys = NULL;

    if (!PyUnicode_CheckExact(option)) /* looking up anything else could run Python code */
        return NULL;
    if (!is_current(&self->serves)) {
        if (version % 2 == 0 && LOAD(self->serves.version) == version)
            return NULL;
    }
    else if (PyDict_GetItemRef(self->results, option, &keys) < 0)
        PyErr_Clear();
    else if (keys != NULL && version % 2 == 0 && LOAD(self->serves.version) == version)
        return keys;
    Py_XDECREF(keys);
    return result_slowly(self, option);
}

static inline TypedPlace *
typed_at(Hot *self, PyObject *option, PyObject *target, int keep_valid)
{
    uintptr_t place = ((uintptr_t)option >> 4) ^ ((uintptr_t)target >> 4) ^ (uintptr_t)keep_valid;
    return &self->typed[place % TYPED];
}

/* The object that is remembered, as a new reference; NULL without an error if there is none. */
static inline PyObject *
typed_known(Hot *self, PyObject *option, PyObject *target, int keep_valid)
{
    uint64_t version = LOAD(self->serves.version);
    const TypedPlace *place = typed_at(self, option, target, keep_valid);
    if (version % 2 != 0 || LOAD(place->option) != option || LOAD(place->target) != target
        || LOAD(place->keep_valid) != keep_valid || !is_current(&self->serves))
        return NULL;
    PyObject *made;
    if (PyDict_GetItemRef(LOAD(place->made), self->state->as_name, &made) < 0)
        PyErr_Clear();
    if (LOAD(self->serves.version) != version)
        Py_CLEAR(made);
    return made;
}

/* Empty a place, and return what was there. */
static Typed
typed_taken(Hot *self, TypedPlace *place)
{
    Typed taken = {place->option, place->target, NULL, place->keep_valid};

    STORE(place->option, NULL);
    STORE(place->target, NULL);
    if (place->made != NULL) {
        if (PyDict_GetItemRef(place->made, self->state->as_name, &taken.made) < 0)
            PyErr_Clear();
        PyDict_Clear(place->made);
    }
    return taken;
}

static void
typed_release(Typed *taken)
{
    Py_XDECREF(taken->option);
    Py_XDECREF(taken->target);
    Py_XDECREF(taken->made);
}

/* Remember an object that was made from an option in ``decoded``. */
static void
typed_remember(Hot *self, const Typed *wanted, PyObject *decoded)
{
    Typed old = {0};
    PyObject *made = PyDict_New(); /* for a place that has none yet */
    if (made == NULL) {
        PyErr_Clear();
        return;
    }
    lock(&self->changing);
    if (self->serves.decoded == decoded && is_current(&self->serves)) {
        TypedPlace *place = typed_at(self, wanted->option, wanted->target, wanted->keep_valid);
        STORE(self->serves.version, self->serves.version | 1);
        old = typed_taken(self, place);
        if (place->made == NULL) {
            STORE(place->made, made);
            made = NULL;
        }
        if (PyDict_SetItem(place->made, self->state->as_name, wanted->made) < 0)
            PyErr_Clear();
        else {
            STORE(place->keep_valid, wanted->keep_valid);
            STORE(place->target, Py_NewRef(wanted->target));
            STORE(place->option, Py_NewRef(wanted->option));
        }
        STORE(self->serves.version, self->serves.version + 1);
    }
    unlock(&self->changing);
    typed_release(&old);
    Py_XDECREF(made);
}

/* The converted option.  What the subclass returns is remembered if the view had the same options
 * before and after: then it is made from one of them. */
static PyObject *
hot_get_typed(PyObject *op, PyObject *const *args, PyObject *names, Typed *wanted)
{
    Hot *self = (Hot *)op;
    PyObject *made = typed_known(self, wanted->option, wanted->target, wanted->keep_valid);
    if (made != NULL)
        return made;
    lock(&self->changing);
    PyObject *decoded = Py_XNewRef(self->serves.decoded);
    unlock(&self->changing);
    wanted->made = hot_get_slowly(op, args, 1, names);
    if (wanted->made != NULL && decoded != NULL)
        typed_remember(self, wanted, decoded);
    Py_XDECREF(decoded);
    return wanted->made;
}

/* Keep a buffer, unless the same memory is kept already, and return its word.  Return NULL if there
 * is no room for one more. */
static const uint64_t *
word_kept(Hot *self, Py_buffer *buffer)
{
    const uint64_t *word = (const uint64_t *)buffer->buf + GENERATION_WORD;

    for (int i = self->kept_count - 1; i >= 0; i--)
        if (self->kept[i].buf == buffer->buf)
            return word;
    if (self->kept_count == KEPT_AT_MOST)
        return NULL;
    Py_buffer *kept = PyMem_Realloc(self->kept, sizeof *kept * (size_t)(self->kept_count + 1));
    if (kept == NULL)
        return NULL;
    self->kept = kept;
    kept[self->kept_count++] = *buffer;
    *buffer = (Py_buffer){0}; /* releasing this does nothing */
    return word;
}

/* A bound method of Python's own, without a second lookup of what it is bound to. */
static PyObject *
hot_bind_get(Hot *self)
{
    PyMethodDef *get = ((PyMethodDescrObject *)self->state->get_method)->d_method;
    return PyCFunction_New(get, (PyObject *)self);
}

/* Return all kept buffers but that of the current word, for the caller to release, and their number. */
static Py_buffer *
words_unused(Hot *self, int *count)
{
    Py_buffer *unused = self->kept;
    int last = self->kept_count - 1;

    *count = 0;
    if (last < 0 || (last == 0 && self->serves.word != &NO_WORD) || !is_alone())
        return NULL;
    for (int i = 0; i <= last; i++)
        if ((const uint64_t *)unused[i].buf + GENERATION_WORD == self->serves.word) {
            Py_buffer *used = PyMem_Malloc(sizeof *used);
            if (used == NULL)
                return NULL;
            *used = unused[i];
            unused[i] = unused[last];
            self->kept = used;
            self->kept_count = 1;
            *count = last;
            return unused;
        }
    self->kept = NULL;
    self->kept_count = 0;
    *count = last + 1;
    return unused;
}

/* Replace the view, possibly by none, and release what belongs to the old one. */
static int
hot_swap(Hot *self, PyObject *view, PyObject *decoded, uint64_t generation, int64_t until,
         Py_buffer *buffer)
{
    Replaced old = {0};
    const uint64_t *word = &NO_WORD;

    lock(&self->changing);
    if (buffer != NULL)
        word = word_kept(self, buffer);
    if (word == NULL) {
        word = &NO_WORD;
        generation = NO_GENERATION;
    }
    if (decoded != self->serves.decoded || word != self->serves.word
        || generation != self->serves.generation || self->serves.version % 2 != 0) {
        old.results = PyDict_Copy(self->results);
        if (old.results == NULL) {
            unlock(&self->changing);
            if (buffer != NULL)
                PyBuffer_Release(buffer);
            return -1;
        }
        STORE(self->serves.version, self->serves.version | 1);
        STORE(self->serves.generation, NO_GENERATION);
        STORE(self->serves.decoded, decoded);
        STORE(self->serves.word, word);
        PyDict_Clear(self->results);
        for (int i = 0; i < TYPED; i++)
            old.typed[i] = typed_taken(self, &self->typed[i]);
        STORE(self->serves.until, until);
        STORE(self->serves.generation, generation);
        STORE(self->serves.version, self->serves.version + 1);
    }
    else
        STORE(self->serves.until, until); /* the same content, looked after */
    old.view = self->view;
    self->view = Py_XNewRef(view);
    old.words = words_unused(self, &old.word_count);
    unlock(&self->changing);
    /* Last: freeing these can run Python code, which can read or set another view. */
    if (buffer != NULL)
        PyBuffer_Release(buffer);
    for (int i = 0; i < old.word_count; i++)
        PyBuffer_Release(&old.words[i]);
    PyMem_Free(old.words);
    Py_XDECREF(old.results);
    for (int i = 0; i < TYPED; i++)
        typed_release(&old.typed[i]);
    Py_XDECREF(old.view);
    return 0;
}

/* When no thread has the Hot any more. */
static void
hot_forget(Hot *self)
{
    for (int i = 0; i < TYPED; i++)
        Py_CLEAR(self->typed[i].made);
    Py_CLEAR(self->results);
    for (int i = 0; i < self->kept_count; i++)
        PyBuffer_Release(&self->kept[i]);
    PyMem_Free(self->kept);
}

static int
hot_start(Hot *self)
{
    self->results = PyDict_New();
    return self->results == NULL ? -1 : 0;
}

static PyObject *
hot_view(PyObject *op, void *closure)
{
    Hot *self = (Hot *)op;
    lock(&self->changing);
    PyObject *view = Py_XNewRef(self->view);
    unlock(&self->changing);
    if (view == NULL)
        PyErr_SetString(PyExc_AttributeError, "_view");
    return view;
}

static int
hot_traverse(PyObject *op, visitproc visit, void *arg)
{
    Hot *self = (Hot *)op;

    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->view);
    Py_VISIT(self->results);
    for (int i = 0; i < TYPED; i++) {
        Py_VISIT(self->typed[i].target);
        Py_VISIT(self->typed[i].made);
    }
    return 0;
}
