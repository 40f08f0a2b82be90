/* msgpack bytes to Python values, in C.  The reference is ddbcfg_client/format/unpack.py.
 *
 * The bytes can be anything: every length is compared with what is left before it is used, and
 * before memory is allocated for it. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#include "../hotpath/_view.h"

#define DEEPEST 64 /* as in unpack.py; each level takes some of the thread's stack */

typedef struct {
    const unsigned char *at;
    const unsigned char *end;
    PyObject *from_ext; /* these three are called, or are None: a tuple, a dict, a list */
    PyObject *of_map;
    PyObject *of_list;
    int depth;
} Bytes;

static PyObject *value(Bytes *from);

static PyObject *
refused(const char *reason)
{
    PyErr_SetString(PyExc_ValueError, reason);
    return NULL;
}

static inline size_t
left(const Bytes *from)
{
    return (size_t)(from->end - from->at);
}

/* Read an unsigned big-endian number of ``size`` bytes, at most 8; return -1 if there are fewer. */
static int
number(Bytes *from, size_t size, uint64_t *found)
{
    if (left(from) < size) {
        refused("it ends too early");
        return -1;
    }
    *found = 0;
    while (size--)
        *found = *found << 8 | *from->at++;
    return 0;
}

static PyObject *
text(Bytes *from, uint64_t size)
{
    if (size > left(from))
        return refused("it ends too early");
    const char *start = (const char *)from->at;
    from->at += size;
    return PyUnicode_DecodeUTF8(start, (Py_ssize_t)size, NULL);
}

static PyObject *
binary(Bytes *from, uint64_t size)
{
    if (size > left(from))
        return refused("it ends too early");
    const char *start = (const char *)from->at;
    from->at += size;
    return PyBytes_FromStringAndSize(start, (Py_ssize_t)size);
}

/* Call ``hook`` with ``made``, whose reference is taken; return ``made`` itself without a hook. */
static PyObject *
hooked(PyObject *hook, PyObject *made)
{
    if (made == NULL || hook == Py_None)
        return made;
    PyObject *result = PyObject_CallOneArg(hook, made);
    Py_DECREF(made);
    return result;
}

static PyObject *
extension(Bytes *from, uint64_t size)
{
    uint64_t code;

    if (number(from, 1, &code) < 0)
        return NULL;
    if ((int8_t)code == -1) /* msgpack's own, which no hook gets there */
        return refused("it has a time");
    PyObject *data = binary(from, size);
    if (data == NULL)
        return NULL;
    PyObject *pair = Py_BuildValue("(iN)", (int)(int8_t)code, data);
    if (pair == NULL || from->from_ext == Py_None)
        return pair;
    PyObject *result = PyObject_CallObject(from->from_ext, pair);
    Py_DECREF(pair);
    return result;
}

static PyObject *
array(Bytes *from, uint64_t size)
{
    if (size > left(from)) /* each element has at least one byte */
        return refused("it ends too early");
    /* It has all its elements at any time: the hooks run Python code, which may find it by the
     * garbage collector. */
    PyObject *list = PyList_New(0);
    if (list == NULL)
        return NULL;
    for (uint64_t i = 0; i < size; i++) {
        PyObject *element = value(from);
        int failed = element == NULL || PyList_Append(list, element) < 0;
        Py_XDECREF(element);
        if (failed) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return hooked(from->of_list, list);
}

/* Python 3.12 and the builds without a GIL keep an interned string forever. */
#if defined(Py_GIL_DISABLED) || PY_VERSION_HEX >> 16 == 0x030C
#define KEPT_AT_MOST (4 << 20) /* bytes of keys; the others are not interned */
static Py_ssize_t kept;        /* by all interpreters of the process */

static void
intern(PyObject **key)
{
    PyObject *found = *key;
    Py_ssize_t size = 64 + PyUnicode_GET_LENGTH(found) * PyUnicode_KIND(found);

    if (PyUnicode_CHECK_INTERNED(found)
        || __atomic_load_n(&kept, __ATOMIC_RELAXED) > KEPT_AT_MOST - size)
        return;
    PyUnicode_InternInPlace(key);
    if (*key == found)
        __atomic_add_fetch(&kept, size, __ATOMIC_RELAXED);
}
#else
#define intern PyUnicode_InternInPlace
#endif

/* A key is text or binary.  Equal keys of many options are one object. */
static PyObject *
map_key(Bytes *from)
{
    PyObject *key = value(from);

    if (key != NULL && PyUnicode_CheckExact(key))
        intern(&key);
    else if (key != NULL && !PyBytes_CheckExact(key)) {
        Py_DECREF(key);
        return refused("a key is neither text nor binary");
    }
    return key;
}

static PyObject *
map(Bytes *from, uint64_t size)
{
    if (size > left(from) / 2)
        return refused("it ends too early");
    PyObject *dict = PyDict_New();
    if (dict == NULL)
        return NULL;
    for (uint64_t i = 0; i < size; i++) {
        PyObject *key = map_key(from);
        PyObject *item = key == NULL ? NULL : value(from);
        int failed = item == NULL || PyDict_SetItem(dict, key, item) < 0;
        Py_XDECREF(key);
        Py_XDECREF(item);
        if (failed) {
            Py_DECREF(dict);
            return NULL;
        }
    }
    return hooked(from->of_map, dict);
}

static PyObject *
nested(Bytes *from, uint64_t size, PyObject *(*container)(Bytes *, uint64_t))
{
    if (from->depth >= DEEPEST)
        return refused("it is nested too deeply");
    from->depth++;
    PyObject *made = container(from, size);
    from->depth--;
    return made;
}

/* What follows a first byte that says how long the size is: 1, 2 or 4 bytes. */
static PyObject *
sized(Bytes *from, size_t width, PyObject *(*read)(Bytes *, uint64_t))
{
    uint64_t size;
    return number(from, width, &size) < 0 ? NULL : read(from, size);
}

static PyObject *
sized_nested(Bytes *from, size_t width, PyObject *(*container)(Bytes *, uint64_t))
{
    uint64_t size;
    return number(from, width, &size) < 0 ? NULL : nested(from, size, container);
}

static PyObject *
unsigned_number(Bytes *from, size_t width)
{
    uint64_t found;
    return number(from, width, &found) < 0 ? NULL : PyLong_FromUnsignedLongLong(found);
}

static PyObject *
signed_number(Bytes *from, size_t width)
{
    uint64_t found;
    if (number(from, width, &found) < 0)
        return NULL;
    switch (width) {
    case 1: return PyLong_FromLong((int8_t)found);
    case 2: return PyLong_FromLong((int16_t)found);
    case 4: return PyLong_FromLong((int32_t)found);
    default: return PyLong_FromLongLong((int64_t)found);
    }
}

static PyObject *
floating(Bytes *from, size_t width)
{
    if (left(from) < width)
        return refused("it ends too early");
    const char *start = (const char *)from->at;
    from->at += width;
    double found = width == 4 ? PyFloat_Unpack4(start, 0) : PyFloat_Unpack8(start, 0);
    return found == -1.0 && PyErr_Occurred() ? NULL : PyFloat_FromDouble(found);
}

static PyObject *
value(Bytes *from)
{
    if (from->at == from->end)
        return refused("it ends too early");
    unsigned char first = *from->at++;
    if (first <= 0x7F)
        return PyLong_FromLong(first);
    if (first <= 0x8F)
        return nested(from, first & 0x0F, map);
    if (first <= 0x9F)
        return nested(from, first & 0x0F, array);
    if (first <= 0xBF)
        return text(from, first & 0x1F);
    if (first >= 0xE0)
        return PyLong_FromLong((int8_t)first);
    switch (first) {
    case 0xC0: return Py_NewRef(Py_None);
    case 0xC2: return Py_NewRef(Py_False);
    case 0xC3: return Py_NewRef(Py_True);
    case 0xC4: return sized(from, 1, binary);
    case 0xC5: return sized(from, 2, binary);
    case 0xC6: return sized(from, 4, binary);
    case 0xC7: return sized(from, 1, extension);
    case 0xC8: return sized(from, 2, extension);
    case 0xC9: return sized(from, 4, extension);
    case 0xCA: return floating(from, 4);
    case 0xCB: return floating(from, 8);
    case 0xCC: return unsigned_number(from, 1);
    case 0xCD: return unsigned_number(from, 2);
    case 0xCE: return unsigned_number(from, 4);
    case 0xCF: return unsigned_number(from, 8);
    case 0xD0: return signed_number(from, 1);
    case 0xD1: return signed_number(from, 2);
    case 0xD2: return signed_number(from, 4);
    case 0xD3: return signed_number(from, 8);
    case 0xD4: return extension(from, 1);
    case 0xD5: return extension(from, 2);
    case 0xD6: return extension(from, 4);
    case 0xD7: return extension(from, 8);
    case 0xD8: return extension(from, 16);
    case 0xD9: return sized(from, 1, text);
    case 0xDA: return sized(from, 2, text);
    case 0xDB: return sized(from, 4, text);
    case 0xDC: return sized_nested(from, 2, array);
    case 0xDD: return sized_nested(from, 4, array);
    case 0xDE: return sized_nested(from, 2, map);
    case 0xDF: return sized_nested(from, 4, map);
    default: return refused("a byte that begins nothing"); /* 0xC1 */
    }
}

static PyObject *
unpack(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    Py_buffer buffer;
    PyObject *hooks[3] = {Py_None, Py_None, Py_None};

    if (count < 1 || count > 4) {
        PyErr_SetString(PyExc_TypeError, "unpack(raw, from_ext=None, of_map=None, of_list=None)");
        return NULL;
    }
    for (Py_ssize_t i = 1; i < count; i++)
        hooks[i - 1] = args[i];
    if (PyObject_GetBuffer(args[0], &buffer, PyBUF_SIMPLE) < 0)
        return NULL;
    const unsigned char *start = buffer.buf;
    Bytes from = {start, start + buffer.len, hooks[0], hooks[1], hooks[2], 0};
    PyObject *found = value(&from);
    if (found != NULL && from.at != from.end) {
        Py_DECREF(found);
        found = refused("more follows its end");
    }
    PyBuffer_Release(&buffer);
    return found;
}

static PyMethodDef functions[] = {
    {"unpack", (PyCFunction)(void (*)(void))unpack, METH_FASTCALL,
     "Return the value in msgpack bytes; see ddbcfg_client/format/unpack.py."},
    {NULL},
};

int
ddbcfg_add_unpack(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
