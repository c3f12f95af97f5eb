// Reads its standard input by std::cin, and then FILE by the same stream.
#include <cstdio>
#include <iostream>
#include <string>

int main(int count, char **arguments)
{
	std::string word, line;
	int number = 0;
	std::cin >> word >> number;
	std::cout << word << ' ' << number << '\n';
	while (std::getline(std::cin, line))
		std::cout << line << '\n';
	std::cin.clear();
	if (!std::freopen(arguments[count - 1], "r", stdin))
		return 1;
	std::cin >> word;
	std::cout << "freopen " << word << '\n';
}
