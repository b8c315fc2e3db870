// A SQLite file layer that passes everything to the default one and writes down
// what reaches the disk. The declarations of SQLite's interface are its stable
// ABI (vfs version 3, io methods version 3), repeated here because the
// driver's header is not on our include path; the linker finds the functions
// in the driver.
#ifndef NGHE_POWERCUT_SHIM_H
#define NGHE_POWERCUT_SHIM_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sqlite3_file sqlite3_file;
typedef struct sqlite3_vfs sqlite3_vfs;
typedef int64_t sqlite3_int64;

typedef struct sqlite3_io_methods {
	int iVersion;
	int (*xClose)(sqlite3_file *);
	int (*xRead)(sqlite3_file *, void *, int, sqlite3_int64);
	int (*xWrite)(sqlite3_file *, const void *, int, sqlite3_int64);
	int (*xTruncate)(sqlite3_file *, sqlite3_int64);
	int (*xSync)(sqlite3_file *, int);
	int (*xFileSize)(sqlite3_file *, sqlite3_int64 *);
	int (*xLock)(sqlite3_file *, int);
	int (*xUnlock)(sqlite3_file *, int);
	int (*xCheckReservedLock)(sqlite3_file *, int *);
	int (*xFileControl)(sqlite3_file *, int, void *);
	int (*xSectorSize)(sqlite3_file *);
	int (*xDeviceCharacteristics)(sqlite3_file *);
	int (*xShmMap)(sqlite3_file *, int, int, int, void volatile **);
	int (*xShmLock)(sqlite3_file *, int, int, int);
	void (*xShmBarrier)(sqlite3_file *);
	int (*xShmUnmap)(sqlite3_file *, int);
	int (*xFetch)(sqlite3_file *, sqlite3_int64, int, void **);
	int (*xUnfetch)(sqlite3_file *, sqlite3_int64, void *);
} sqlite3_io_methods;

struct sqlite3_file {
	const sqlite3_io_methods *pMethods;
};

typedef void (*sqlite3_syscall_ptr)(void);

struct sqlite3_vfs {
	int iVersion;
	int szOsFile;
	int mxPathname;
	sqlite3_vfs *pNext;
	const char *zName;
	void *pAppData;
	int (*xOpen)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
	int (*xDelete)(sqlite3_vfs *, const char *, int);
	int (*xAccess)(sqlite3_vfs *, const char *, int, int *);
	int (*xFullPathname)(sqlite3_vfs *, const char *, int, char *);
	void *(*xDlOpen)(sqlite3_vfs *, const char *);
	void (*xDlError)(sqlite3_vfs *, int, char *);
	void (*(*xDlSym)(sqlite3_vfs *, void *, const char *))(void);
	void (*xDlClose)(sqlite3_vfs *, void *);
	int (*xRandomness)(sqlite3_vfs *, int, char *);
	int (*xSleep)(sqlite3_vfs *, int);
	int (*xCurrentTime)(sqlite3_vfs *, double *);
	int (*xGetLastError)(sqlite3_vfs *, int, char *);
	int (*xCurrentTimeInt64)(sqlite3_vfs *, sqlite3_int64 *);
	int (*xSetSystemCall)(sqlite3_vfs *, const char *, sqlite3_syscall_ptr);
	sqlite3_syscall_ptr (*xGetSystemCall)(sqlite3_vfs *, const char *);
	const char *(*xNextSystemCall)(sqlite3_vfs *, const char *);
};

extern sqlite3_vfs *sqlite3_vfs_find(const char *);
extern int sqlite3_vfs_register(sqlite3_vfs *, int);
extern int sqlite3_vfs_unregister(sqlite3_vfs *);

// What one entry of the log records; the Go side has the same letters.
enum { OP_CREATE = 'c', OP_WRITE = 'w', OP_TRUNCATE = 't', OP_SYNC = 's', OP_DIRSYNC = 'd', OP_DELETE = 'x' };

// shim is one recording layer. Entries lie one after another in log:
// letter (1), length of name (2), offset or size (8), length of data (4),
// name, data; numbers little-endian.
typedef struct shim {
	sqlite3_vfs vfs;
	sqlite3_vfs *root;
	char name[64];
	pthread_mutex_t mu; // guards everything below
	unsigned char *log;
	size_t len, cap;
	int ops;        // entries in log
	int fault_at;   // the operation of this number fails; -1 for none
	int fault_done; // it is carried out all the same
	int faulted;    // letter of the operation that failed, 0 for none yet
} shim;

shim *shim_new(const char *name);
void shim_free(shim *);
void shim_dirsync(shim *, const char *dir);
int shim_ops(shim *);
int shim_faulted(shim *);
void shim_fault(shim *, int at, int done);

#endif
