// Reads its standard input by the functions that name no stream, and by those that do.
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	char word[64], line[256];
	int number;
	printf("getchar %d\n", getchar());
	printf("scanf %d", scanf("%63s %d", word, &number));
	printf(" %s %d\n", word, number);
	fgets(line, sizeof line, stdin);
	printf("fgets %s", fgets(line, sizeof line, stdin));
	printf("fileno %d\n", fileno(stdin));
	while (fgets(line, sizeof line, stdin))
		printf("%s", line);
	printf("eof %d error %d\n", !!feof(stdin), !!ferror(stdin));
#ifdef __GLIBC__
	// With musl a pipe stands there.
	rewind(stdin);
	printf("rewound %s", fgets(line, sizeof line, stdin));
#endif
	return fclose(stdin);
}
