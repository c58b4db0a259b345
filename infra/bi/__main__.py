from infra.bi.described import write

write()
