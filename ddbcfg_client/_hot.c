/* The hot path of a read, in C: what ddbcfg_client/hot.py does, which is the reference, no more.
 *
 * A Hot watches one 64-bit word in shared memory.  While the word is the generation that was taken
 * up, an option that was decoded before is answered here; for all else the subclass is called.
 *
 * The publisher announces a generation with one aligned store when all of it is in place.  The load
 * here is an acquire, so that on a processor which reorders loads (ARM) nothing that is read after
 * it is older than it.
 *
 * Limited API of Python 3.11: one build serves every later version.  All state is in the objects,
 * so subinterpreters, with a GIL of their own or not, do not meet here.  Without the GIL the type
 * would need locks that cost more than the Python it saves: there, hot.py is used.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>
#include <structmember.h>
#include <time.h>

#ifdef Py_GIL_DISABLED
#error "no accelerator for free-threaded Python: ddbcfg_client/hot.py is used instead"
#endif

#define GENERATION_WORD 2 /* as in ddbcfg_client/layout/page.py */

typedef struct {
    PyObject_HEAD
    PyObject *view;       /* the tuple that Python set: words, generation, decoded, attachment */
    PyObject *decoded;    /* borrowed from it */
    const uint64_t *word; /* in the buffer; NULL: nothing is taken up, so nothing is hot */
    uint64_t generation;
    double hot_until; /* on the monotonic clock, in seconds; then Python has a look at the page */
    Py_buffer buffer; /* of the words: holds the mapping for as long as it is watched */
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

/* The decoded option as a new reference; or NULL, and no error, when Python has to look. */
static inline PyObject *
hot_answer(Hot *self, PyObject *option)
{
    /* Of anything but a plain str, looking it up might run Python, and that replace the view. */
    if (self->word == NULL || !PyUnicode_CheckExact(option))
        return NULL;
    if (__atomic_load_n(self->word, __ATOMIC_ACQUIRE) != self->generation)
        return NULL;
    if (now() >= self->hot_until)
        return NULL;
    PyObject *found = PyDict_GetItemWithError(self->decoded, option);
    if (found == NULL)
        PyErr_Clear();
    else
        Py_INCREF(found);
    return found;
}

static PyObject *
hot_subscript(PyObject *op, PyObject *option)
{
    PyObject *found = hot_answer((Hot *)op, option);
    if (found != NULL)
        return found;
    return PyObject_CallMethod(op, "_lookup", "(O)", option);
}

/* self._get(*args, **kwargs), from a vector call's arguments. */
static PyObject *
hot_get_slowly(PyObject *op, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *result = NULL, *keywords = NULL, *get = PyObject_GetAttrString(op, "_get");
    PyObject *positional = PyTuple_New(count);
    if (get == NULL || positional == NULL)
        goto done;
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_INCREF(args[i]);
        PyTuple_SetItem(positional, i, args[i]);
    }
    if (names != NULL) {
        keywords = PyDict_New();
        if (keywords == NULL)
            goto done;
        for (Py_ssize_t i = 0; i < PyTuple_Size(names); i++)
            if (PyDict_SetItem(keywords, PyTuple_GetItem(names, i), args[count + i]) < 0)
                goto done;
    }
    result = PyObject_Call(get, positional, keywords);
done:
    Py_XDECREF(keywords);
    Py_XDECREF(positional);
    Py_XDECREF(get);
    return result;
}

static PyObject *
hot_get(PyObject *op, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    if ((count == 1 || count == 2) && names == NULL) {
        PyObject *found = hot_answer((Hot *)op, args[0]);
        if (found != NULL)
            return found;
    }
    return hot_get_slowly(op, args, count, names);
}

/* Replace the view by the one given, or by none, and let go of the old one. */
/* What is no attribute is an option, perhaps: _missing() says. */
static PyObject *
hot_getattro(PyObject *op, PyObject *name)
{
    PyObject *found = PyObject_GenericGetAttr(op, name);

    if (found != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return found;
    PyErr_Clear();
    return PyObject_CallMethod(op, "_missing", "(O)", name);
}

static void
hot_swap(Hot *self, PyObject *view, PyObject *decoded, uint64_t generation, Py_buffer *buffer)
{
    PyObject *old = self->view;
    Py_buffer mapped = self->buffer;
    int was_mapped = self->word != NULL;

    Py_XINCREF(view);
    self->view = view;
    self->decoded = decoded;
    self->generation = generation;
    self->word = NULL;
    if (buffer != NULL) {
        self->buffer = *buffer;
        self->word = (const uint64_t *)buffer->buf + GENERATION_WORD;
    }
    /* Last: what is freed here may run Python, and that may read, or set another view. */
    if (was_mapped)
        PyBuffer_Release(&mapped);
    Py_XDECREF(old);
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

/* self._view = words, generation, decoded, attachment; a generation below 0 stands for none. */
static int
hot_set_view(PyObject *op, PyObject *view, void *closure)
{
    Hot *self = (Hot *)op;
    Py_buffer buffer = {0};
    long long generation = -1;

    if (view == NULL || !PyTuple_Check(view) || PyTuple_Size(view) != 4
        || !PyDict_CheckExact(PyTuple_GetItem(view, 2))) {
        PyErr_SetString(PyExc_TypeError, "a view is (words, generation, decoded, attachment)");
        return -1;
    }
    generation = PyLong_AsLongLong(PyTuple_GetItem(view, 1));
    if (generation == -1 && PyErr_Occurred())
        return -1;
    if (generation >= 0) {
        if (PyObject_GetBuffer(PyTuple_GetItem(view, 0), &buffer, PyBUF_SIMPLE) < 0)
            return -1;
        if (buffer.len < (GENERATION_WORD + 1) * 8 || (uintptr_t)buffer.buf % 8 != 0) {
            PyBuffer_Release(&buffer);
            PyErr_SetString(PyExc_ValueError, "the words are too few, or not aligned");
            return -1;
        }
    }
    hot_swap(self, view, PyTuple_GetItem(view, 2), (uint64_t)generation,
             generation < 0 ? NULL : &buffer);
    return 0;
}

static int
hot_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Hot *)op)->view);
    return 0;
}

static int
hot_clear(PyObject *op)
{
    hot_swap((Hot *)op, NULL, NULL, 0, NULL);
    return 0;
}

static void
hot_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(op);
    hot_swap((Hot *)op, NULL, NULL, 0, NULL);
    release(op);
    Py_DECREF(type);
}

static PyMethodDef hot_methods[] = {
    {"get", (PyCFunction)(void (*)(void))hot_get, METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("get($self, option=None, default=..., keys=None)\n--\n\n"
               "The keys of *option* as a read-only dict; without *option*, every option.\n\n"
               "With *keys*, only those of them that an option has.  Raises OptionNotFound unless\n"
               "there is a *default*, and SnapshotError or SnapshotTooStale when there is nothing\n"
               "to answer from.")},
    {NULL},
};

static PyMemberDef hot_members[] = {
    {"_hot_until", T_DOUBLE, offsetof(Hot, hot_until), 0, NULL},
    {NULL},
};

static PyGetSetDef hot_getset[] = {
    {"_view", hot_view, hot_set_view, NULL, NULL},
    {NULL},
};

static PyType_Slot hot_slots[] = {
    {Py_tp_doc, "The hot path of a read; see ddbcfg_client/hot.py."},
    {Py_tp_dealloc, hot_dealloc},
    {Py_tp_traverse, hot_traverse},
    {Py_tp_clear, hot_clear},
    {Py_tp_methods, hot_methods},
    {Py_tp_members, hot_members},
    {Py_tp_getset, hot_getset},
    {Py_mp_subscript, hot_subscript},
    {Py_tp_getattro, hot_getattro},
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
