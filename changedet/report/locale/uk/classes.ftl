grade-destroyed = Зруйновано
grade-damaged = Пошкоджено
grade-possibly-damaged = Можливо пошкоджено
grade-no-visible-damage = Без видимих пошкоджень
grade-not-analysed = Не проаналізовано

class-not-analysed = Не проаналізовано
class-no-visible-change = Без видимих змін
class-built-area-destroyed = Забудову зруйновано
class-vegetation-lost = Рослинність утрачено
class-other-change = Інша зміна
class-vegetation-gained = Рослинність з’явилася
