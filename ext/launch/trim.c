/* What a process that is about to fork gives back once all is imported. Importing ran code that never runs again, read
 * relocations and names to bind them, and freed memory that the allocator kept: pages that would stay its own for good. */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trim.h"

/* Only segments that were never writable: what they hold is their file's, and comes from there again when it is touched.
 * Relocated data that became read-only lies in a segment that was writable, and stays. */
static int forget(struct dl_phdr_info *object, size_t size, void *page)
{
    (void)size;
    for (ElfW(Half) index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W || segment->p_memsz != segment->p_filesz)
            continue;
        uintptr_t start = object->dlpi_addr + segment->p_vaddr;
        uintptr_t first = start & ~(*(uintptr_t *)page - 1);
        /* an advice: what cannot be forgotten, as the kernel's own pages, stays */
        (void)madvise((void *)first, start + segment->p_memsz - first, MADV_DONTNEED);
    }
    return 0;
}

void trim(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    malloc_trim(0);
    dl_iterate_phdr(forget, &page);
}
