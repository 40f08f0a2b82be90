/* Opening a segment, finding an option in it and closing it, in C, if everything is valid.
 *
 * The reference is ddbcfg_client/shm/segment.py with ddbcfg_client/format/segment.py and index.py.
 * The first two return None for everything that the reference would refuse, and for what is rare.
 * Then the caller asks the reference, which finds out what is wrong.  So there is no error here, and
 * a reading that succeeds passed the same checks.
 *
 * Nothing of an object is used before its owner, mode and kind were checked. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../hotpath/_view.h"

/* As in ddbcfg_client/format/segment.py and __init__.py. */
#define LAYOUT_VERSION 2
#define HEADER_SIZE 512
#define DIGEST_SIZE 32
#define SLOT_SIZE 8
#define ENTRY_SIZE 16
#define BLOCK_SIZE 4096
static const char MAGIC[8] = "DDBCFGS\x01"; /* read as a little-endian number, whatever the host */

enum { /* words of the header */
    MAGIC_WORD, LAYOUT, GENERATION, SIZE_OF_HEADER, SIZE, OPTIONS, SLOT_BITS, SLOTS, LONGEST_PROBE,
    SLOTS_AT, BLOCKS_AT, BLOCK_CHECKSUM, ENTRIES_AT, BODY_AT, BODY_SIZE, BODY_CHECKSUM, ABOUT_AT,
    ABOUT_SIZE, ABOUT_CHECKSUM, CHANGES_AT, CHANGES_SIZE, CHANGES_CHECKSUM, READ_AT, READ_BOOTTIME,
    DIGEST, CHECKSUM = HEADER_SIZE / 8 - 1
};

#define WINDOW 64         /* slots that are read at once */
#define LONGEST_ENTRY 1024 /* longer ones are left to the reference, whose CRC-32 is faster */

/* The CRC-32 of zlib.  One line of cache has all of the table: after other work, a larger one would
 * take longer to load than the sum. */
static uint32_t
crc32_of(const unsigned char *bytes, size_t size)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    uint32_t sum = 0xFFFFFFFF;
    while (size--) {
        sum ^= *bytes++;
        sum = sum >> 4 ^ table[sum & 15];
        sum = sum >> 4 ^ table[sum & 15];
    }
    return ~sum;
}

/* Return whether a section is behind the header and within the segment. */
static inline int
is_within(uint64_t at, uint64_t length, uint64_t size)
{
    return at >= HEADER_SIZE && length <= size && at <= size - length;
}

/* Return whether parse_header would accept these words for a segment of ``size`` bytes. */
static int
is_valid(const uint64_t *words, uint64_t size, uint64_t generation)
{
    uint64_t magic = 0;
    for (int i = 7; i >= 0; i--)
        magic = magic << 8 | (unsigned char)MAGIC[i];
    if (words[MAGIC_WORD] != magic || words[LAYOUT] != LAYOUT_VERSION
        || words[SIZE_OF_HEADER] != HEADER_SIZE || words[SIZE] != size
        || words[GENERATION] != generation
        || words[CHECKSUM] != crc32_of((const unsigned char *)words, HEADER_SIZE - 8)
        || words[SLOT_BITS] > 32 || words[SLOTS] < (uint64_t)1 << words[SLOT_BITS]
        || words[SLOTS] > size / SLOT_SIZE || words[OPTIONS] > size / ENTRY_SIZE)
        return 0;
    uint64_t slots = words[SLOTS] * SLOT_SIZE;
    uint64_t blocks = (slots + BLOCK_SIZE - 1) / BLOCK_SIZE;
    return is_within(words[ABOUT_AT], words[ABOUT_SIZE], size)
           && is_within(words[SLOTS_AT], slots, size)
           && is_within(words[BLOCKS_AT], blocks * 4, size)
           && is_within(words[ENTRIES_AT], words[OPTIONS] * ENTRY_SIZE, size)
           && is_within(words[CHANGES_AT], words[CHANGES_SIZE], size)
           && is_within(words[BODY_AT], words[BODY_SIZE], size);
}

/* Return whether open_trusted would accept the object, of an owner that is known already. */
static int
is_trusted(const struct stat *status, long long owner, long long unmapped)
{
    uid_t uid = status->st_uid;
    return S_ISREG(status->st_mode) && !(status->st_mode & (S_IWGRP | S_IWOTH))
           && (long long)uid != unmapped
           && (uid == 0 || (long long)uid == owner || uid == geteuid());
}

/* Open and check a segment; return its descriptor, or -1. */
static int
opened(const char *path, const uint64_t generation, long long owner, long long unmapped,
       struct stat *status, uint64_t *words)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, status) == 0 && is_trusted(status, owner, unmapped)
        && pread(fd, words, HEADER_SIZE, 0) == HEADER_SIZE
        && is_valid(words, (uint64_t)status->st_size, generation)
        && (uint64_t)status->st_blocks * 512 >= words[SIZE])
        return fd;
    close(fd);
    return -1;
}

static PyObject *
open_segment(PyObject *module, PyObject *args)
{
    const char *path;
    unsigned long long generation;
    long long owner, unmapped;
    struct stat status;
    uint64_t words[HEADER_SIZE / 8];

    if (!PyArg_ParseTuple(args, "sKLL", &path, &generation, &owner, &unmapped))
        return NULL;
    if (unmapped < 0) /* not known yet */
        Py_RETURN_NONE;
    if (PySys_Audit("open", "sOi", path, Py_None, O_RDONLY) < 0)
        return NULL;
    int fd;
    Py_BEGIN_ALLOW_THREADS
    fd = opened(path, generation, owner, unmapped, &status, words);
    Py_END_ALLOW_THREADS
    if (fd < 0)
        Py_RETURN_NONE;
    PyObject *fields = PyTuple_New(DIGEST - GENERATION + 1);
    if (fields != NULL) {
        for (int i = GENERATION; i <= DIGEST; i++) {
            PyObject *field = i < READ_AT ? PyLong_FromUnsignedLongLong(words[i])
                              : i < DIGEST ? PyLong_FromLongLong((int64_t)words[i])
                              : PyBytes_FromStringAndSize((char *)&words[i], DIGEST_SIZE);
            if (field == NULL) {
                Py_CLEAR(fields);
                break;
            }
            PyTuple_SET_ITEM(fields, i - GENERATION, field);
        }
    }
    PyObject *found = fields == NULL ? NULL
                      : Py_BuildValue("iKKN", fd, (unsigned long long)status.st_dev,
                                      (unsigned long long)status.st_ino, fields);
    if (found == NULL)
        close(fd);
    return found;
}

static PyObject *
close_segment(PyObject *module, PyObject *args)
{
    int fd;
    unsigned long long device, inode;
    struct stat status;

    if (!PyArg_ParseTuple(args, "iKK", &fd, &device, &inode))
        return NULL;
    if (fstat(fd, &status) == 0 && (unsigned long long)status.st_dev == device
        && (unsigned long long)status.st_ino == inode)
        close(fd);
    Py_RETURN_NONE;
}

static inline int
read_all(int fd, void *into, size_t size, uint64_t at)
{
    return at <= INT64_MAX && pread(fd, into, size, (off_t)at) == (ssize_t)size;
}

/* Write the msgpack string's head for a name of ``size`` bytes; return its length. */
static size_t
name_head(size_t size, unsigned char *head)
{
    if (size < 32) {
        head[0] = (unsigned char)(0xA0 | size);
        return 1;
    }
    if (size < 256) {
        head[0] = 0xD9;
        head[1] = (unsigned char)size;
        return 2;
    }
    head[0] = 0xDA;
    head[1] = (unsigned char)(size >> 8);
    head[2] = (unsigned char)size;
    return 3;
}

/* Where to look: words of the header, in the order of the arguments of find_option. */
typedef struct {
    uint64_t slots_at, slot_bits, slots, longest_probe, entries_at, options, body_at, body_size;
} Index;

/* Find the entry with this name; return its size, or 0. */
static size_t
find_entry(int fd, const Index *index, const unsigned char *name, size_t size, unsigned char *entry)
{
    uint64_t slots[WINDOW], place[2];
    unsigned char head[3];
    uint32_t wanted = crc32_of(name, size);
    uint64_t home = (uint64_t)(uint32_t)(wanted * 0x9E3779B1u) >> (32 - index->slot_bits);
    size_t before = name_head(size, head);

    if (home >= index->slots)
        return 0;
    uint64_t count = index->slots - home;
    if (count > index->longest_probe)
        count = index->longest_probe;
    if (count > WINDOW)
        count = WINDOW;
    if (!read_all(fd, slots, count * SLOT_SIZE, index->slots_at + home * SLOT_SIZE))
        return 0;
    for (uint64_t i = 0; i < count && slots[i] != 0; i++) {
        uint64_t ordinal = (slots[i] & 0xFFFFFFFF) - 1; /* far too large if it is damaged */
        if (slots[i] >> 32 != wanted)
            continue;
        if (ordinal >= index->options
            || !read_all(fd, place, ENTRY_SIZE, index->entries_at + ordinal * ENTRY_SIZE))
            return 0;
        uint64_t length = place[1] >> 32;
        if (length > LONGEST_ENTRY || length < before + size || place[0] > index->body_size
            || length > index->body_size - place[0]
            || !read_all(fd, entry, length, index->body_at + place[0])
            || crc32_of(entry, length) != (uint32_t)place[1] || memcmp(entry, head, before) != 0
            || memcmp(entry + before, name, size) != 0)
            return 0;
        return length;
    }
    return 0;
}

static PyObject *
find_option(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    enum { WORDS = sizeof(Index) / sizeof(uint64_t) };
    union {
        Index index;
        uint64_t words[WORDS];
    } in;
    unsigned char entry[LONGEST_ENTRY];
    Py_ssize_t size;

    if (count != WORDS + 2) {
        PyErr_SetString(PyExc_TypeError, "find_option takes a descriptor, 8 words and a name");
        return NULL;
    }
    int fd = (int)PyLong_AsLong(args[0]);
    for (int i = 0; i < WORDS; i++)
        in.words[i] = PyLong_AsUnsignedLongLong(args[i + 1]);
    if (PyErr_Occurred())
        return NULL;
    PyObject *option = args[WORDS + 1];
    if (!PyUnicode_CheckExact(option) || in.index.slot_bits > 32)
        Py_RETURN_NONE;
    const char *name = PyUnicode_AsUTF8AndSize(option, &size);
    if (name == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
            return NULL;
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    if (size > LONGEST_ENTRY)
        Py_RETURN_NONE;
    size_t found;
    Py_BEGIN_ALLOW_THREADS
    found = find_entry(fd, &in.index, (const unsigned char *)name, (size_t)size, entry);
    Py_END_ALLOW_THREADS
    if (found == 0)
        Py_RETURN_NONE;
    size_t before = (size_t)size + (size < 32 ? 1 : size < 256 ? 2 : 3);
    return PyBytes_FromStringAndSize((char *)entry + before, (Py_ssize_t)(found - before));
}

static PyMethodDef functions[] = {
    {"close_segment", close_segment, METH_VARARGS,
     "close_segment(descriptor, device, inode): close it if it is still that object's."},
    {"open_segment", open_segment, METH_VARARGS,
     "open_segment(path, generation, owner, unmapped): descriptor, device, inode and fields of the "
     "header; None if anything is wrong."},
    {"find_option", (PyCFunction)(void (*)(void))find_option, METH_FASTCALL,
     "find_option(descriptor, *words, option): the packed keys; None if the option is not found, or "
     "anything is wrong."},
    {NULL},
};

int
ddbcfg_add_segment(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
