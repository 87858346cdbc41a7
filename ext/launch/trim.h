/* Memory given back before a fork. */
#ifndef ICHOR_TRIM_H
#define ICHOR_TRIM_H

/* Give free heap pages back to the kernel, and forget the mapped pages of files that can be had again. */
void trim(void);

#endif
