/* Lines to the tester for a POSIX process: `agent_send` and `agent_receive`. */
#ifndef LINE_H
#define LINE_H

/* Each begins to use a line, and answers 0 after saying what went wrong. */

/* Standard input and output; what others print goes to standard error from now on. */
int line_stdio(void);
/* A terminal, such as a serial line. */
int line_terminal(const char* path);
/* A file that the tester maps, too; waits for it to appear. */
int line_memory(const char* path);
/* The first ivshmem device of a QEMU guest. */
int line_ivshmem(void);

/* Waits for a tester that begins anew; answers 0 if there will be none. */
int line_begins_anew(void);

#endif
