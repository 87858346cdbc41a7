/* Objects that are never freed and never counted again. */
#ifndef ICHOR_IMMORTAL_H
#define ICHOR_IMMORTAL_H

/* Make every object that exists immortal (PEP 683). Nothing where the interpreter knows no such objects. */
void immortalize(void);

#endif
