/* The hot path of a read, in C: what ddbcfg_client/hot.py does, which is the reference, no more.
 *
 * A Hot watches one 64-bit word in shared memory.  While the word is the generation that was taken
 * up, an option that was decoded before is answered here; for all else the subclass is called.
 *
 * The publisher announces a generation with one aligned store when all of it is in place.  The load
 * here is an acquire, so that on a processor which reorders loads (ARM) nothing that is read after
 * it is older than it.
 *
 * All state is in the objects and the module, so subinterpreters, with a GIL of their own or not, do
 * not meet here.  Without the GIL the type would need locks that cost more than the Python it saves:
 * there, hot.py is used.  The limited API would do but for Python 3.11 (see hot_getattro), and costs
 * a function call for each of the macros here.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <time.h>

#ifdef Py_GIL_DISABLED
#error "no accelerator for free-threaded Python: ddbcfg_client/hot.py is used instead"
#endif

#define GENERATION_WORD 2 /* as in ddbcfg_client/layout/page.py */
#define RECENT 16         /* a power of 2 */

static const uint64_t NO_WORD = 0;
static const uint64_t NO_GENERATION = UINT64_MAX;

/* An option and its keys, or NULL twice. */
typedef struct {
    PyObject *option;
    PyObject *keys;
} Answer;

typedef struct {
    PyObject_HEAD
    PyObject *view;       /* the tuple that Python set; all else here is taken from it */
    PyObject *decoded;    /* borrowed from it */
    const uint64_t *word; /* in the buffer, or NO_WORD */
    uint64_t generation;
    double until; /* on the monotonic clock, in seconds; then Python has a look at the page */
    Py_buffer buffer; /* of the words: holds the mapping for as long as it is watched */
    /* What was answered lately, by the address of the name: in a program's text a name is mostly a
     * constant, the same object each time.  The names are held, so an address stays that name's. */
    Answer recent[RECENT];
    /* Python 3.11 only, see hot_getattro: the method bound, its name, and what the class has. */
    PyObject *get;
    PyObject *get_name;
    PyObject *get_found;
} Hot;

/* Seconds of the monotonic clock, a few milliseconds late: read from memory, without a system call
 * and without asking the processor's counter. */
static inline double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static inline int
is_hot(const Hot *self)
{
    return __atomic_load_n(self->word, __ATOMIC_ACQUIRE) == self->generation && now() < self->until;
}

/* The keys of a decoded option as a new reference; or NULL, and no error: Python has to look. */
static PyObject *
look_up(Hot *self, PyObject *option)
{
    /* Of anything but a plain str, looking it up might run Python, and that replace the view. */
    if (!PyUnicode_CheckExact(option))
        return NULL;
    /* Held, and compared afterwards: nor is it for C to believe that the dict's keys are plain. */
    PyObject *decoded = Py_NewRef(self->decoded);
    PyObject *keys = Py_XNewRef(PyDict_GetItemWithError(decoded, option));
    if (keys == NULL)
        PyErr_Clear();
    else if (self->decoded != decoded)
        Py_CLEAR(keys);
    Py_DECREF(decoded);
    return keys;
}

/* The same, if the view is current; and remembered. */
static inline PyObject *
hot_answer(Hot *self, PyObject *option)
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
    /* Last: what is freed now may run Python, and that replace the view. */
    Py_XDECREF(old.option);
    Py_XDECREF(old.keys);
    return keys;
}

static PyObject *
hot_subscript(PyObject *op, PyObject *option)
{
    PyObject *keys = hot_answer((Hot *)op, option);
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

static PyObject *
hot_get(PyObject *op, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    if ((count == 1 || count == 2) && names == NULL) {
        PyObject *keys = hot_answer((Hot *)op, args[0]);
        if (keys != NULL)
            return keys;
    }
    return hot_get_slowly(op, args, count, names);
}

/* What is no attribute is an option, perhaps: _missing() says. */
#if PY_VERSION_HEX >= 0x030C0000

static PyObject *
hot_getattr(PyObject *op, PyObject *name)
{
    return PyObject_CallMethod(op, "_missing", "(O)", name);
}

#else

/* Whether it is hot_get, bound to op, and nothing that op could be given can come before it. */
static int
is_own_get(PyObject *op, PyObject *found)
{
    return PyCFunction_CheckExact(found) && PyCFunction_GET_SELF(found) == op
           && PyCFunction_GET_FUNCTION(found) == (PyCFunction)(void (*)(void))hot_get
           && Py_TYPE(op)->tp_dictoffset == 0;
}

/* Python 3.11 finds the methods of a type whose attribute lookup is its own the slow way, and makes
 * a bound method for each `config.get`, which takes longer than the read.  So one is kept.  It and
 * the Hot hold each other until there is another view, or the collector comes. */
static PyObject *
hot_getattro(PyObject *op, PyObject *name)
{
    Hot *self = (Hot *)op;

    /* The class is asked all the same: somebody may have patched it since. */
    if (name == self->get_name && _PyType_Lookup(Py_TYPE(op), name) == self->get_found)
        return Py_NewRef(self->get);
    PyObject *found = PyObject_GenericGetAttr(op, name);
    if (found == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return NULL;
        PyErr_Clear();
        return PyObject_CallMethod(op, "_missing", "(O)", name);
    }
    if (self->get == NULL && is_own_get(op, found)) {
        self->get = Py_NewRef(found);
        self->get_name = Py_NewRef(name);
        self->get_found = Py_XNewRef(_PyType_Lookup(Py_TYPE(op), name));
    }
    return found;
}

#endif

/* Replace the view by the one given, or by none, and let go of all that came of the old one. */
static void
hot_swap(Hot *self, PyObject *view, PyObject *decoded, uint64_t generation, double until,
         Py_buffer *buffer)
{
    Hot old = *self;

    self->view = Py_XNewRef(view);
    self->decoded = decoded;
    self->generation = generation;
    self->until = until;
    self->word = &NO_WORD;
    self->buffer = (Py_buffer){0};
    if (buffer != NULL) {
        self->buffer = *buffer;
        self->word = (const uint64_t *)buffer->buf + GENERATION_WORD;
    }
    memset(self->recent, 0, sizeof self->recent);
    self->get = self->get_name = self->get_found = NULL;
    /* Last: what is freed here may run Python, and that may read, or set another view. */
    PyBuffer_Release(&old.buffer);
    for (int i = 0; i < RECENT; i++) {
        Py_XDECREF(old.recent[i].option);
        Py_XDECREF(old.recent[i].keys);
    }
    Py_XDECREF(old.get);
    Py_XDECREF(old.get_name);
    Py_XDECREF(old.get_found);
    Py_XDECREF(old.view);
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
    double until = PyFloat_AsDouble(PyTuple_GET_ITEM(view, 3));
    if (until == -1.0 && PyErr_Occurred())
        return -1;
    if (generation < 0) {
        hot_swap((Hot *)op, view, decoded, NO_GENERATION, until, NULL);
        return 0;
    }
    if (PyObject_GetBuffer(PyTuple_GET_ITEM(view, 0), &buffer, PyBUF_SIMPLE) < 0)
        return -1;
    if (buffer.len < (GENERATION_WORD + 1) * 8 || (uintptr_t)buffer.buf % 8 != 0) {
        PyBuffer_Release(&buffer);
        PyErr_SetString(PyExc_ValueError, "the words are too few, or not aligned");
        return -1;
    }
    hot_swap((Hot *)op, view, decoded, (uint64_t)generation, until, &buffer);
    return 0;
}

static PyObject *
hot_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Hot *self = (Hot *)alloc(type, 0);

    if (self != NULL) {
        self->word = &NO_WORD;
        self->generation = NO_GENERATION;
    }
    return (PyObject *)self;
}

static int
hot_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Hot *)op)->view);
    Py_VISIT(((Hot *)op)->get);
    for (int i = 0; i < RECENT; i++)
        Py_VISIT(((Hot *)op)->recent[i].keys);
    return 0;
}

static int
hot_clear(PyObject *op)
{
    hot_swap((Hot *)op, NULL, NULL, NO_GENERATION, 0.0, NULL);
    return 0;
}

static void
hot_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(op);
    hot_clear(op);
    release(op);
    Py_DECREF(type);
}

/* A subclass has these; without it they raise as hot.py's do.  If the type had none, looking one up
 * would end in _missing(), and so never end. */
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
    HOT_ASKS("_attribute"),
    {"get", (PyCFunction)(void (*)(void))hot_get, METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("get($self, option=None, default=..., keys=None)\n--\n\n"
               "The keys of *option* as a read-only dict; without *option*, every option.\n\n"
               "With *keys*, only those of them that an option has.  Raises OptionNotFound unless\n"
               "there is a *default*, and SnapshotError or SnapshotTooStale when there is nothing\n"
               "to answer from.")},
#if PY_VERSION_HEX >= 0x030C0000
    {"__getattr__", hot_getattr, METH_O, NULL},
#endif
    {NULL},
};

static PyGetSetDef hot_getset[] = {
    {"_view", hot_view, hot_set_view, NULL, NULL},
    {NULL},
};

static PyType_Slot hot_slots[] = {
    {Py_tp_doc, "The hot path of a read; see ddbcfg_client/hot.py."},
    {Py_tp_new, hot_new},
    {Py_tp_dealloc, hot_dealloc},
    {Py_tp_traverse, hot_traverse},
    {Py_tp_clear, hot_clear},
    {Py_tp_methods, hot_methods},
    {Py_tp_getset, hot_getset},
    {Py_mp_subscript, hot_subscript},
#if PY_VERSION_HEX < 0x030C0000
    {Py_tp_getattro, hot_getattro},
#endif
    {0, NULL},
};

static PyType_Spec hot_spec = {
    .name = "ddbcfg_client._hot.Hot",
    .basicsize = sizeof(Hot),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = hot_slots,
};

/* An option as an attribute of the class: what `config.db` finds after it was first asked for. */
typedef struct {
    PyObject_HEAD
    PyObject *name;
    PyTypeObject *hot; /* whose instances it may look into */
} OptionAttribute;

static PyObject *
attribute_get(PyObject *op, PyObject *instance, PyObject *type)
{
    OptionAttribute *self = (OptionAttribute *)op;

    if (instance == NULL) {
        Py_INCREF(op);
        return op;
    }
    if (PyObject_TypeCheck(instance, self->hot)) {
        PyObject *found = hot_answer((Hot *)instance, self->name);
        if (found != NULL)
            return found;
    }
    return PyObject_CallMethod(instance, "_attribute", "(O)", self->name);
}

static int
attribute_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((OptionAttribute *)op)->hot);
    return 0;
}

static int
attribute_clear(PyObject *op)
{
    OptionAttribute *self = (OptionAttribute *)op;
    PyObject *hot = (PyObject *)self->hot, *name = self->name;

    self->hot = NULL;
    self->name = NULL;
    Py_XDECREF(hot);
    Py_XDECREF(name);
    return 0;
}

static void
attribute_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(op);
    attribute_clear(op);
    release(op);
    Py_DECREF(type);
}

static PyType_Slot attribute_slots[] = {
    {Py_tp_doc, "An option as an attribute; made by option_attribute()."},
    {Py_tp_dealloc, attribute_dealloc},
    {Py_tp_traverse, attribute_traverse},
    {Py_tp_clear, attribute_clear},
    {Py_tp_descr_get, attribute_get},
    {0, NULL},
};

static PyType_Spec attribute_spec = {
    .name = "ddbcfg_client._hot.OptionAttribute",
    .basicsize = sizeof(OptionAttribute),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = attribute_slots,
};

typedef struct {
    PyTypeObject *hot;
    PyTypeObject *attribute;
} State;

static PyObject *
option_attribute(PyObject *module, PyObject *name)
{
    State *state = PyModule_GetState(module);

    if (!PyUnicode_CheckExact(name)) {
        PyErr_SetString(PyExc_TypeError, "an option's name is a str");
        return NULL;
    }
    OptionAttribute *made = PyObject_GC_New(OptionAttribute, state->attribute);
    if (made == NULL)
        return NULL;
    Py_INCREF(name);
    Py_INCREF((PyObject *)state->hot);
    made->name = name;
    made->hot = state->hot;
    PyObject_GC_Track((PyObject *)made);
    return (PyObject *)made;
}

static PyMethodDef module_methods[] = {
    {"option_attribute", option_attribute, METH_O,
     PyDoc_STR("option_attribute($module, name, /)\n--\n\n"
               "What reads the option *name* when it is an attribute of the class.")},
    {NULL},
};

static int
module_exec(PyObject *module)
{
    State *state = PyModule_GetState(module);

    state->hot = (PyTypeObject *)PyType_FromModuleAndSpec(module, &hot_spec, NULL);
    if (state->hot == NULL || PyModule_AddType(module, state->hot) < 0)
        return -1;
    state->attribute = (PyTypeObject *)PyType_FromModuleAndSpec(module, &attribute_spec, NULL);
    return state->attribute == NULL ? -1 : 0;
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
    Py_VISIT(state->hot);
    Py_VISIT(state->attribute);
    return 0;
}

static int
module_clear(PyObject *module)
{
    State *state = PyModule_GetState(module);
    PyObject *hot = (PyObject *)state->hot, *attribute = (PyObject *)state->attribute;

    state->hot = state->attribute = NULL;
    Py_XDECREF(hot);
    Py_XDECREF(attribute);
    return 0;
}

static void
module_free(void *module)
{
    module_clear(module);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_hot",
    .m_doc = "The hot path of a read, compiled.",
    .m_size = sizeof(State),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC
PyInit__hot(void)
{
    return PyModuleDef_Init(&module_def);
}
