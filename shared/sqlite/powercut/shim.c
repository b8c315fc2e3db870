#include "shim.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SQLITE_OK 0
#define SQLITE_NOMEM 7
#define SQLITE_FULL 13
#define SQLITE_IOERR_FSYNC (10 | (4 << 8))
#define SQLITE_IOERR_DELETE (10 | (10 << 8))
#define SQLITE_IOERR_TRUNCATE (10 | (6 << 8))
#define SQLITE_CANTOPEN 14
#define SQLITE_OPEN_CREATE 0x4
#define SQLITE_OPEN_DELETEONCLOSE 0x8
#define SQLITE_OPEN_MAIN_JOURNAL 0x800
#define SQLITE_OPEN_SUPER_JOURNAL 0x4000
#define SQLITE_OPEN_WAL 0x80000

// file is ours, with the default layer's file right behind it.
typedef struct file {
	sqlite3_file base;
	shim *s;
	char *name;  // NULL: not recorded
	int dirsync; // the default layer syncs the folder at this file's first sync
	sqlite3_file *real;
} file;

#define REAL(f) (((file *)(f))->real)
#define ROOT(v) (((shim *)(v)->pAppData)->root)

static void put(unsigned char *to, uint64_t v, int n) {
	for (int i = 0; i < n; i++, v >>= 8) to[i] = (unsigned char)v;
}

static void note(shim *s, int op, const char *name, sqlite3_int64 off, const void *data, size_t n) {
	size_t len = strlen(name), need = 15 + len + n;
	if (s->len + need > s->cap) {
		size_t cap = (s->cap + need) * 2;
		unsigned char *log = realloc(s->log, cap);
		if (log == NULL) abort(); // tests only: better loud than a hole in the log
		s->log = log;
		s->cap = cap;
	}
	unsigned char *p = s->log + s->len;
	p[0] = (unsigned char)op;
	put(p + 1, len, 2);
	put(p + 3, (uint64_t)off, 8);
	put(p + 11, n, 4);
	memcpy(p + 15, name, len);
	if (n > 0) memcpy(p + 15 + len, data, n);
	s->len += need;
	s->ops++;
}

static int code(int op) {
	switch (op) {
	case OP_CREATE: return SQLITE_CANTOPEN;
	case OP_SYNC: return SQLITE_IOERR_FSYNC;
	case OP_TRUNCATE: return SQLITE_IOERR_TRUNCATE;
	case OP_DELETE: return SQLITE_IOERR_DELETE;
	}
	return SQLITE_FULL;
}

// fault says whether this operation is the one to fail.
static int fault(shim *s, int op) {
	if (s->fault_at != s->ops) return 0;
	s->fault_at = -1;
	s->faulted = op;
	return 1;
}

static int shimWrite(sqlite3_file *f, const void *data, int n, sqlite3_int64 off) {
	file *p = (file *)f;
	if (p->name == NULL) return p->real->pMethods->xWrite(p->real, data, n, off);
	pthread_mutex_lock(&p->s->mu);
	int failed = fault(p->s, OP_WRITE), rc = SQLITE_OK;
	if (!failed || p->s->fault_done) {
		rc = p->real->pMethods->xWrite(p->real, data, n, off);
		if (rc == SQLITE_OK) note(p->s, OP_WRITE, p->name, off, data, (size_t)n);
	}
	pthread_mutex_unlock(&p->s->mu);
	return failed ? code(OP_WRITE) : rc;
}

static int shimTruncate(sqlite3_file *f, sqlite3_int64 size) {
	file *p = (file *)f;
	if (p->name == NULL) return p->real->pMethods->xTruncate(p->real, size);
	pthread_mutex_lock(&p->s->mu);
	int failed = fault(p->s, OP_TRUNCATE), rc = SQLITE_OK;
	if (!failed || p->s->fault_done) {
		rc = p->real->pMethods->xTruncate(p->real, size);
		if (rc == SQLITE_OK) note(p->s, OP_TRUNCATE, p->name, size, NULL, 0);
	}
	pthread_mutex_unlock(&p->s->mu);
	return failed ? code(OP_TRUNCATE) : rc;
}

static void folder(const char *name, char *into, size_t n) {
	const char *slash = strrchr(name, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - name);
	if (len >= n) len = n - 1;
	memcpy(into, name, len);
	into[len] = 0;
}

static void noteDirsync(shim *s, const char *name) {
	char dir[4096];
	folder(name, dir, sizeof dir);
	note(s, OP_DIRSYNC, dir, 0, NULL, 0);
}

// Nothing is really synced: what a sync means is worked out from the log.
static int shimSync(sqlite3_file *f, int flags) {
	(void)flags;
	file *p = (file *)f;
	if (p->name == NULL) return SQLITE_OK;
	pthread_mutex_lock(&p->s->mu);
	int failed = fault(p->s, OP_SYNC);
	if (!failed || p->s->fault_done) {
		note(p->s, OP_SYNC, p->name, 0, NULL, 0);
		if (p->dirsync) noteDirsync(p->s, p->name);
		p->dirsync = 0;
	}
	pthread_mutex_unlock(&p->s->mu);
	return failed ? code(OP_SYNC) : SQLITE_OK;
}

static int shimClose(sqlite3_file *f) {
	file *p = (file *)f;
	free(p->name);
	return p->real->pMethods->xClose(p->real);
}

static int shimRead(sqlite3_file *f, void *b, int n, sqlite3_int64 off) { return REAL(f)->pMethods->xRead(REAL(f), b, n, off); }
static int shimFileSize(sqlite3_file *f, sqlite3_int64 *n) { return REAL(f)->pMethods->xFileSize(REAL(f), n); }
static int shimLock(sqlite3_file *f, int l) { return REAL(f)->pMethods->xLock(REAL(f), l); }
static int shimUnlock(sqlite3_file *f, int l) { return REAL(f)->pMethods->xUnlock(REAL(f), l); }
static int shimReserved(sqlite3_file *f, int *r) { return REAL(f)->pMethods->xCheckReservedLock(REAL(f), r); }
static int shimControl(sqlite3_file *f, int op, void *a) { return REAL(f)->pMethods->xFileControl(REAL(f), op, a); }
static int shimSector(sqlite3_file *f) { return REAL(f)->pMethods->xSectorSize(REAL(f)); }
static int shimDevice(sqlite3_file *f) { return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f)); }
static int shimShmMap(sqlite3_file *f, int page, int size, int extend, void volatile **p) { return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, p); }
static int shimShmLock(sqlite3_file *f, int off, int n, int flags) { return REAL(f)->pMethods->xShmLock(REAL(f), off, n, flags); }
static void shimShmBarrier(sqlite3_file *f) { REAL(f)->pMethods->xShmBarrier(REAL(f)); }
static int shimShmUnmap(sqlite3_file *f, int del) { return REAL(f)->pMethods->xShmUnmap(REAL(f), del); }
static int shimFetch(sqlite3_file *f, sqlite3_int64 off, int n, void **p) { return REAL(f)->pMethods->xFetch(REAL(f), off, n, p); }
static int shimUnfetch(sqlite3_file *f, sqlite3_int64 off, void *p) { return REAL(f)->pMethods->xUnfetch(REAL(f), off, p); }

static const sqlite3_io_methods methods = {
	3, shimClose, shimRead, shimWrite, shimTruncate, shimSync, shimFileSize, shimLock, shimUnlock, shimReserved,
	shimControl, shimSector, shimDevice, shimShmMap, shimShmLock, shimShmBarrier, shimShmUnmap, shimFetch, shimUnfetch,
};

static int shimOpen(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out) {
	shim *s = v->pAppData;
	file *p = (file *)f;
	memset(p, 0, sizeof *p);
	p->s = s;
	p->real = (sqlite3_file *)(p + 1);
	int recorded = name != NULL && !(flags & SQLITE_OPEN_DELETEONCLOSE);
	pthread_mutex_lock(&s->mu);
	int creates = recorded && (flags & SQLITE_OPEN_CREATE) && access(name, F_OK) != 0;
	if (creates && fault(s, OP_CREATE)) {
		pthread_mutex_unlock(&s->mu);
		return code(OP_CREATE);
	}
	int rc = s->root->xOpen(s->root, name, p->real, flags, out);
	if (rc == SQLITE_OK && recorded) {
		p->name = strdup(name);
		p->dirsync = (flags & SQLITE_OPEN_CREATE) && (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL));
		if (creates) note(s, OP_CREATE, name, 0, NULL, 0);
	}
	pthread_mutex_unlock(&s->mu);
	if (p->real->pMethods != NULL) f->pMethods = &methods;
	return rc;
}

static int shimDelete(sqlite3_vfs *v, const char *name, int syncDir) {
	shim *s = v->pAppData;
	pthread_mutex_lock(&s->mu);
	int failed = fault(s, OP_DELETE), rc = SQLITE_OK;
	if (!failed || s->fault_done) {
		rc = s->root->xDelete(s->root, name, 0);
		if (rc == SQLITE_OK) {
			note(s, OP_DELETE, name, 0, NULL, 0);
			if (syncDir & 1) noteDirsync(s, name);
		}
	}
	pthread_mutex_unlock(&s->mu);
	return failed ? code(OP_DELETE) : rc;
}

static int shimAccess(sqlite3_vfs *v, const char *n, int flags, int *r) { return ROOT(v)->xAccess(ROOT(v), n, flags, r); }
static int shimPath(sqlite3_vfs *v, const char *n, int size, char *out) { return ROOT(v)->xFullPathname(ROOT(v), n, size, out); }
static void *shimDlOpen(sqlite3_vfs *v, const char *n) { return ROOT(v)->xDlOpen(ROOT(v), n); }
static void shimDlError(sqlite3_vfs *v, int n, char *out) { ROOT(v)->xDlError(ROOT(v), n, out); }
static void (*shimDlSym(sqlite3_vfs *v, void *p, const char *n))(void) { return ROOT(v)->xDlSym(ROOT(v), p, n); }
static void shimDlClose(sqlite3_vfs *v, void *p) { ROOT(v)->xDlClose(ROOT(v), p); }
static int shimRandomness(sqlite3_vfs *v, int n, char *out) { return ROOT(v)->xRandomness(ROOT(v), n, out); }
static int shimSleep(sqlite3_vfs *v, int us) { return ROOT(v)->xSleep(ROOT(v), us); }
static int shimTime(sqlite3_vfs *v, double *t) { return ROOT(v)->xCurrentTime(ROOT(v), t); }
static int shimLastError(sqlite3_vfs *v, int n, char *out) { return ROOT(v)->xGetLastError(ROOT(v), n, out); }
static int shimTime64(sqlite3_vfs *v, sqlite3_int64 *t) { return ROOT(v)->xCurrentTimeInt64(ROOT(v), t); }

shim *shim_new(const char *name) {
	sqlite3_vfs *root = sqlite3_vfs_find(NULL);
	shim *s = calloc(1, sizeof *s);
	if (root == NULL || s == NULL || strlen(name) >= sizeof s->name) {
		free(s);
		return NULL;
	}
	strcpy(s->name, name);
	s->root = root;
	s->fault_at = -1;
	pthread_mutex_init(&s->mu, NULL);
	s->vfs = (sqlite3_vfs){
		.iVersion = 2, .szOsFile = (int)sizeof(file) + root->szOsFile, .mxPathname = root->mxPathname,
		.zName = s->name, .pAppData = s, .xOpen = shimOpen, .xDelete = shimDelete, .xAccess = shimAccess,
		.xFullPathname = shimPath, .xDlOpen = shimDlOpen, .xDlError = shimDlError, .xDlSym = shimDlSym,
		.xDlClose = shimDlClose, .xRandomness = shimRandomness, .xSleep = shimSleep, .xCurrentTime = shimTime,
		.xGetLastError = shimLastError, .xCurrentTimeInt64 = shimTime64,
	};
	if (sqlite3_vfs_register(&s->vfs, 0) != SQLITE_OK) {
		free(s);
		return NULL;
	}
	return s;
}

void shim_free(shim *s) {
	sqlite3_vfs_unregister(&s->vfs);
	pthread_mutex_destroy(&s->mu);
	free(s->log);
	free(s);
}

void shim_dirsync(shim *s, const char *dir) {
	pthread_mutex_lock(&s->mu);
	note(s, OP_DIRSYNC, dir, 0, NULL, 0);
	pthread_mutex_unlock(&s->mu);
}

int shim_ops(shim *s) {
	pthread_mutex_lock(&s->mu);
	int n = s->ops;
	pthread_mutex_unlock(&s->mu);
	return n;
}

int shim_faulted(shim *s) {
	pthread_mutex_lock(&s->mu);
	int op = s->faulted;
	pthread_mutex_unlock(&s->mu);
	return op;
}

void shim_fault(shim *s, int at, int done) {
	pthread_mutex_lock(&s->mu);
	s->fault_at = at;
	s->fault_done = done;
	s->faulted = 0;
	pthread_mutex_unlock(&s->mu);
}
