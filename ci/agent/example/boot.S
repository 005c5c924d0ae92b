/* From where a boot loader (multiboot) begins to 64-bit mode. */

        .section .multiboot, "a"
        .align 4
        .long 0x1badb002, 0, -0x1badb002

        .bss
        .align 4096
level4: .skip 4096
        .globl level3
level3: .skip 4096
level2: .skip 4096
        .skip 65536
stack:

        .text
        .code32
        .globl start
start:
        cli
        mov $stack, %esp
        /* The first GiB is where it is, in pages of 2 MiB. */
        movl $level3 + 3, level4
        movl $level2 + 3, level3
        xor %ecx, %ecx
1:      mov %ecx, %eax
        shl $21, %eax
        or $0x83, %eax
        mov %eax, level2(, %ecx, 8)
        inc %ecx
        cmp $512, %ecx
        jne 1b
        mov $level4, %eax
        mov %eax, %cr3
        mov %cr4, %eax
        or $0x20, %eax
        mov %eax, %cr4
        mov $0xc0000080, %ecx
        rdmsr
        or $0x100, %eax
        wrmsr
        mov %cr0, %eax
        or $0x80010000, %eax
        mov %eax, %cr0
        lgdt descriptors
        ljmp $8, $start64

        .code64
start64:
        mov $16, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        call kernel_main
2:      hlt
        jmp 2b

        .data
        .align 8
segments:
        .quad 0, 0x00209a0000000000, 0x0000920000000000
descriptors:
        .word 23
        .long segments

        .section .note.GNU-stack, "", @progbits
