// Reads DIR/text and DIR/large by the C++ library, which opens with fopen and reads from fileno.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <algorithm>
#include <string>
#include <vector>

namespace fs = std::filesystem;

static void files(const std::string &dir)
{
	std::ifstream in(dir + "/text");
	std::string word, line;
	int number = 0;
	std::cout << "open " << in.is_open() << '\n';
	in >> word >> number;
	std::cout << word << ' ' << number << " at " << in.tellg() << '\n';
	while (std::getline(in, line))
		std::cout << "line " << line << '\n';
	in.clear();
	in.seekg(6);
	in >> number;
	std::cout << "seekg " << number << " peek " << in.peek() << '\n';
	in.seekg(0, std::ios::end);
	std::cout << "size " << in.tellg() << '\n';

	std::ifstream large(dir + "/large", std::ios::binary);
	std::string all((std::istreambuf_iterator<char>(large)), std::istreambuf_iterator<char>());
	std::cout << "large " << all.size() << ' ' << std::hash<std::string>{}(all) << '\n';
	large.clear();
	large.seekg(160000);
	char piece[9] = "";
	std::cout << "in_avail " << (large.rdbuf()->in_avail() > 0) << ' ';
	large.read(piece, 8);
	std::cout << piece;

	std::ifstream none(dir + "/none");
	std::cout << "none " << none.is_open() << '\n';
	std::wifstream wide(dir + "/text");
	std::wstring text;
	std::getline(wide, text);
	std::cout << "wide " << text.size() << '\n';
	std::ifstream empty(dir + "/empty");
	std::cout << "empty " << (empty.get() == EOF) << '\n';
}

static void tree(const std::string &dir)
{
	std::vector<std::string> found;
	for (const auto &entry : fs::recursive_directory_iterator(dir))
		found.push_back(fs::relative(entry.path(), dir).string() + (entry.is_directory() ? "/" : "") +
				(entry.is_regular_file() ? " " + std::to_string(entry.file_size()) : ""));
	std::sort(found.begin(), found.end());
	for (const auto &line : found)
		std::cout << line << '\n';
	std::cout << fs::exists(dir + "/text") << fs::is_directory(dir) << fs::is_empty(dir) << '\n';
	std::cout << (fs::canonical(dir + "/sub/../text") == fs::canonical(dir) / "text") << '\n';
}

int main(int count, char **arguments)
{
	files(arguments[count - 1]);
	tree(arguments[count - 1]);
}
