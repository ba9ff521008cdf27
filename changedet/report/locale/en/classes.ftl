grade-destroyed = Destroyed
grade-damaged = Damaged
grade-possibly-damaged = Possibly damaged
grade-no-visible-damage = No visible damage
grade-not-analysed = Not analysed

class-not-analysed = Not analysed
class-no-visible-change = No visible change
class-built-area-destroyed = Built area destroyed
class-vegetation-lost = Vegetation lost
class-other-change = Other change
class-vegetation-gained = Vegetation gained
