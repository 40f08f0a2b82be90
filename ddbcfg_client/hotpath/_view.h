/* What a reader serves, as both hot paths look at it. */

#ifndef DDBCFG_VIEW_H
#define DDBCFG_VIEW_H

#include <sched.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

/* Without the GIL, one thread reads these while another replaces them: see _unlocked.h.  With the
 * GIL they are plain loads. */
#ifdef Py_GIL_DISABLED
#define LOAD(place) __atomic_load_n(&(place), __ATOMIC_ACQUIRE)
#define STORE(place, value) __atomic_store_n(&(place), value, __ATOMIC_SEQ_CST)
/* Threads that use an object write its reference count.  What they read is kept on another cache
 * line, or each write would cost the other threads a miss. */
#define APART char apart[64]; /* one line of cache */

/* A lock that no fork can leave held: it is the pid of the process whose thread holds it, or 0.  A
 * PyMutex may be handed to a thread that waits, which the child then does not have.  A thread that
 * waits here lets others stop the world, as CPython does to fork.  No Python code runs while the lock
 * is held.  It is not a critical section either: that is given up while the thread waits for a dict. */
typedef uint32_t Lock;

static inline void
lock(Lock *held_by)
{
    uint32_t mine = (uint32_t)getpid();

    for (int tries = 0;; tries++) {
        uint32_t holder = 0;
        if (__atomic_compare_exchange_n(held_by, &holder, mine, 0, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return;
        if (holder != mine
            && __atomic_compare_exchange_n(held_by, &holder, mine, 0, __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED))
            return; /* the process forked while another thread held it */
        const struct timespec moment = {0, tries < 16 ? 0 : 50000};
        Py_BEGIN_ALLOW_THREADS
        if (moment.tv_nsec == 0)
            sched_yield();
        else
            nanosleep(&moment, NULL);
        Py_END_ALLOW_THREADS
    }
}

static inline void
unlock(Lock *held_by)
{
    __atomic_store_n(held_by, 0, __ATOMIC_RELEASE);
}

/* Return whether this is the interpreter's only thread.  Then no other one can be reading what was
 * just replaced, and it need not be kept. */
static inline int
is_alone(void)
{
    PyThreadState *first = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
    return first == PyThreadState_Get() && PyThreadState_Next(first) == NULL;
}
#else
#define LOAD(place) (place)
#define STORE(place, value) ((place) = (value))
#endif

typedef struct {
    PyObject *decoded;    /* the options decoded so far; borrowed from the tuple that Python set */
    const uint64_t *word; /* in shared memory, or a word that never matches */
    uint64_t generation;
    int64_t until; /* on the monotonic clock, in ns; from then on the subclass is called */
#ifdef Py_GIL_DISABLED
    uint64_t version; /* of all of these; odd while they are replaced */
#endif
} View;

/* The monotonic clock in nanoseconds, up to a few milliseconds late: it is read from memory, without
 * a system call and without reading the processor's counter. */
static inline int64_t
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static inline int
is_current(const View *view)
{
    return __atomic_load_n(LOAD(view->word), __ATOMIC_ACQUIRE) == LOAD(view->generation)
           && now() < LOAD(view->until);
}

/* Within the module; a hidden function is called without a table. */
#pragma GCC visibility push(hidden)
const View *ddbcfg_view_of(PyObject *op);       /* of a Hot; NULL for any other object */
int ddbcfg_add_guarded_types(PyObject *module);  /* in readonly/_guarded.c */
int ddbcfg_add_bound_type(PyObject *module);     /* in _bound.c */
int ddbcfg_add_pinned_type(PyObject *module);    /* in _pinned.c */
int ddbcfg_add_unpack(PyObject *module);         /* in format/_unpack.c */
int ddbcfg_add_segment(PyObject *module);        /* in shm/_segment.c */
#pragma GCC visibility pop

#endif
