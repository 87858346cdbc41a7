# Records of one dump, or of a burst of changes, as the C structs they were read into; a Python object is made of the one
# that is asked for. Part of socket.pyx, which includes it; nothing else may.

@cython.final
cdef class Table:
    """The rows of one dump as C records, in the kernel's order; `table[i]` and iteration make the Python record of
    a row."""

    cdef uint16_t type
    cdef size_t size, count, room
    cdef uint8_t *rows
    cdef r.heap heap

    def __cinit__(self, int message):
        self.type = message
        self.size = r.row_size(message)

    def __dealloc__(self):
        free(self.rows)
        free(self.heap.data)

    def __len__(self):
        return self.count

    def __getitem__(self, Py_ssize_t index):
        cdef size_t at = position(index, self.count)
        return record(self.type, <const r.any_row *>(self.rows + at * self.size), &self.heap)

    def __iter__(self):
        cdef size_t at
        for at in range(self.count):
            yield record(self.type, <const r.any_row *>(self.rows + at * self.size), &self.heap)

    @property
    def nbytes(self):
        """Bytes that the records take."""
        return self.count * self.size + self.heap.size

    cdef void clear(self) noexcept nogil:
        self.count = 0
        self.heap.size = 0

    cdef int add(self, const uint8_t *at, const uint8_t *end) noexcept nogil:
        """One message of the table's type; 0 or -errno."""
        cdef int found = r.rows_grow(&self.rows, &self.room, self.count, self.size)
        if found == 0:
            # in place: the parser of a type writes that type's struct and no more
            found = r.parse_row(self.type, at, end, <r.any_row *>(self.rows + self.count * self.size), &self.heap)
        if found < 0:
            return found
        self.count += 1
        return 0


@cython.final
cdef class Changes:
    """Notifications in order as C records; `changes[i]` and iteration make the `Change` of one."""

    cdef size_t count, room
    cdef uint8_t *rows
    cdef r.heap heap

    def __dealloc__(self):
        free(self.rows)
        free(self.heap.data)

    def __len__(self):
        return self.count

    def __getitem__(self, Py_ssize_t index):
        return self.change(position(index, self.count))

    def __iter__(self):
        cdef size_t at
        for at in range(self.count):
            yield self.change(at)

    cdef object change(self, size_t at):
        cdef const r.change_row *row = <const r.change_row *>self.rows + at
        # RTM_NEW* are multiples of four, RTM_DEL* follow them by one
        return Change(row.type & 3 == 1, record(row.type, &row.row, &self.heap))

    cdef int add(self, uint16_t type, const uint8_t *at, const uint8_t *end) noexcept nogil:
        """One message, passed over if its type is none of ours; 0 or -errno."""
        cdef r.change_row *row
        cdef int found = r.rows_grow(&self.rows, &self.room, self.count, sizeof(r.change_row))
        if found == 0:
            row = <r.change_row *>self.rows + self.count
            row.type = type
            found = r.parse_row(type, at, end, &row.row, &self.heap)
        if found < 0:
            return found
        self.count += found
        return 0


cdef size_t position(Py_ssize_t index, size_t count) except? 0:
    """The row that an index means, from the end if negative. Raises IndexError."""
    if index < 0:
        index += count
    if index < 0 or <size_t>index >= count:
        raise IndexError("row out of range")
    return index
