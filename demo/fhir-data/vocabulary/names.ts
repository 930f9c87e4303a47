const words = (text: string): readonly string[] => text.trim().split(/\s+/);

export const FEMALE_NAMES = words(`
  Amelia Astrid Beatriz Camille Chloé Daniela Édith Elena Fatima Freya Giulia Grace Hannah Ingrid Isabella Jasmine
  Joséphine Katarzyna Keiko Lakshmi Leila Lucía Maëlle Marta Mei Nadia Naomi Olivia Priya Renée Rosa Ruth Saoirse Sofía
  Svetlana Tamara Thandiwe Ursula Valentina Yuki Zoë Žofia 美玲 さくら`);

export const MALE_NAMES = words(`
  Aaron Ahmed Alejandro André Arjun Benjamin Björn Caleb Carlos Damian Daniel Diego Émile Emmanuel Felix François Gabriel
  Haruto Henry Hiroshi Ibrahim Jakub Jérôme José Julian Kwame Leon Luca Malik Marcus Mateo Miguel Mikołaj Nikolai Noah
  Oskar Pablo Rafael Samuel Søren Thomas Viktor William Yusuf 伟 翔太`);

export const FAMILY_NAMES = words(`
  Abernathy Andersson Bauer Bianchi Brennan Calloway Castellanos Chen Chukwu Contreras D'Angelo Delacroix Dubois Dvořák
  Eriksen Espinoza Fitzgerald Fontaine Gallagher García Grünwald Gutiérrez Haugen Hernández Hoffmann Ibarra Iyer Jankowski
  Jørgensen Kamau Kaur Keller Kowalczyk Krüger Lefèvre Lindqvist MacLeod Martínez McAllister Mbeki Moreau Müller Nakamura
  Núñez O'Brien O'Connor Okafor Olsen Oyelaran Papadopoulos Patel Peña Petrov Quintero Ramírez Reyes Rossi Sánchez Sato
  Schäfer Schröder Silva Sørensen St.Claire Takahashi Thibodeaux Tremblay Ueda Vargas Vasquez Villanueva Wagner Weiß
  Whitfield Winterbourne Xu Yamamoto Yılmaz Zhang Zimmermann 李 王 田中`);

export const STREET_NAMES = words(`
  Alder Ashland Birchwood Cedar Chestnut Clearwater Elm Fairview Greenleaf Hawthorne Hickory Juniper Lakeshore Laurel
  Linden Magnolia Maple Meadow Orchard Prairie Ridge Riverside Spruce Summit Sycamore Walnut Willow Woodland`);

export const STREET_KINDS = words(
  'Avenue Boulevard Circle Court Crossing Drive Lane Parkway Place Road Street Terrace Way',
);
